import type { AkdConfiguration } from '../../akd/akd-configuration.ts';
import { verifySignedEpoch } from '../../akd/auditor-signature.ts';
import { type ObjectName, parseObjectName } from '../../akd/object-name.ts';
import { verifyAppendOnly } from '../../akd/verify-append-only.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { AkdEvidence } from './akd-evidence.ts';
import { type AkdKind, isSameKind, kindWords } from './akd-state.ts';

/** The settings and the key that a checker of evidence brings. */
export interface AkdChecker {
  /** The kind of log that the checker knows this one to be: evidence that names another would make any object fail. */
  readonly kind: AkdKind;
  /** The hashes of that kind. */
  readonly configuration: AkdConfiguration;
  readonly maxNodes: number;
  /** The auditor's key, 32 bytes, from a place that the checker trusts. */
  readonly auditorKey: Uint8Array | undefined;
}

/**
 * Checks a finding again, from its exhibits alone, and returns what they show. Throws `not-proven` if they do not show
 * it, `usage` for evidence about another kind of log than the checker's, or if a key is needed and not given.
 */
export function checkAkdEvidence({ code, exhibits, kind }: AkdEvidence, checker: AkdChecker): string {
  const { names, object, signed } = exhibits;
  const words = `the evidence is about a log of the kind ${kindWords(kind)}: if it is one, say so by the same options`;
  ensure(isSameKind(kind, checker.kind), 'usage', words);
  if (signed !== undefined) return checkSigned(exhibits, checker);
  if (object !== undefined) return checkObject(names[0] ?? '', object, kind.namedEpoch === 'end' ? 0 : 1, checker);
  if (names.some((name) => parsed(name) === undefined)) return 'the log lists an object whose name has another form';
  const [first, second] = names.map(parsed);
  if (code === 'log-forked' && first !== undefined && second !== undefined) {
    const isFork = first.epoch === second.epoch && names[0] !== names[1];
    ensure(isFork, 'not-proven', 'the two names do not contradict each other');
    return `epoch ${first.epoch} has two names`;
  }
  // A root that only the finder knows shows nothing, and neither does an object that was not there.
  const isGap =
    first !== undefined &&
    second?.epoch === first.epoch + 1 &&
    names.length === 2 &&
    !equalBytes(first.current, second.previous);
  ensure(isGap, 'not-proven', 'the evidence shows nothing by itself: look at the log');
  return `the object ${names[1]} does not begin at the root where ${names[0]} ends`;
}

function parsed(name: string): ObjectName | undefined {
  try {
    return parseObjectName(name);
  } catch {
    return undefined;
  }
}

function checkObject(name: string, object: Uint8Array, offset: number, checker: AkdChecker): string {
  const claimed = parsed(name);
  ensure(claimed !== undefined, 'not-proven', 'the evidence does not name the object');
  const { epoch, previous, current } = claimed;
  try {
    verifyAppendOnly(checker.configuration, { endEpoch: epoch + offset, previous, current }, object, checker.maxNodes);
  } catch (error) {
    if (!isGlasskeyError(error) || error.fault === 'usage') throw error;
    return `the object does not verify under its name: ${error.message}`;
  }
  throw new GlasskeyError('not-proven', 'the object verifies under its name');
}

function checkSigned({ endEpoch, reached, signed }: AkdEvidence['exhibits'], { auditorKey }: AkdChecker): string {
  ensure(
    auditorKey !== undefined,
    'usage',
    'give the key of the auditor with --auditor-key, from a place that you trust',
  );
  if (signed === undefined || reached === undefined || signed.epoch !== endEpoch) {
    throw new GlasskeyError('not-proven', 'the signature is about another epoch');
  }
  try {
    verifySignedEpoch(auditorKey, signed);
  } catch (cause) {
    throw new GlasskeyError('not-proven', 'the auditor has not signed this: only its server can have shown it', {
      cause,
    });
  }
  ensure(!equalBytes(signed.digest, reached), 'not-proven', 'the auditor signed the same root');
  return `the auditor signed another root for epoch ${endEpoch}`;
}
