import { adviceOf, codeAnchor } from '../contract/error-advice.ts';
import { PATHS } from '../contract/paths.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import { isGlasskeyError } from '../core/errors.ts';
import { CLOCK_CODES } from './binding/alerts.ts';
import { ServerRefusal } from './transport.ts';

/** A failure in words, for the user of an application. */
export interface ExplainedFailure {
  /**
   * `contradiction`: the log contradicts what it, or this client, said before. `unproved`: the answer does not verify.
   * `clock`: a wrong clock may be the only cause. `refused`: the server said no, which proves nothing. `trouble`: any
   * other failure, such as of the network.
   */
  readonly kind: 'contradiction' | 'unproved' | 'clock' | 'refused' | 'trouble';
  readonly code: ErrorCode;
  /** The event and its subject: one sentence. */
  readonly means: string;
  /** The next step. */
  readonly next: string;
  /** The error's own words, for experts; those of a refusal are the server's. */
  readonly detail: string;
  /** Where a server describes the code: a path with an anchor. */
  readonly path: string;
}

const CONTRADICTIONS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'bad-chain',
  'bundle-changed',
  'continued-after-end',
  'log-forked',
  'log-replaced',
  'tree-rolled-back',
  'unexpected-version',
  'version-rolled-back',
  'view-mismatch',
]);

/** Explains any error that this library throws. Never throws; a foreign error is `internal`. */
export function explainFailure(error: unknown): ExplainedFailure {
  const code = isGlasskeyError(error) ? error.code : 'internal';
  const detail = error instanceof Error ? error.message : String(error);
  return { kind: kindOf(error), code, ...adviceOf(code), detail, path: `${PATHS.docs}#${codeAnchor(code)}` };
}

function kindOf(error: unknown): ExplainedFailure['kind'] {
  if (!isGlasskeyError(error)) return 'trouble';
  if (error instanceof ServerRefusal) return 'refused';
  if (CLOCK_CODES.has(error.code)) return 'clock';
  if (CONTRADICTIONS.has(error.code)) return 'contradiction';
  return error.fault === 'verification' || error.fault === 'decode' ? 'unproved' : 'trouble';
}
