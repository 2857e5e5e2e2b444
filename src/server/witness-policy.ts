import { parsePolicy } from '../core/audit/policy.ts';
import type { Policy } from '../core/audit/policy-parts.ts';
import type { SignedTrustBundle } from '../contract/trust-bundle.ts';
import { ensure } from '../core/errors.ts';
import { assertReachable } from '../service/witnessing/witness-quorum.ts';
import { type DataFolder, readServerConfig } from './data-folder.ts';
import { nextBundle, storeBundle } from './next-bundle.ts';

/**
 * Parses the witness policy of a log (c2sp.org/tlog-policy). `origin` is the log's, if it has one already.
 * Throws `bad-policy`, and `usage` for a policy that this log can never satisfy.
 */
export function readWitnessPolicy(text: string, origin?: string): Policy {
  const policy = parsePolicy(text);
  const names = policy.logs.map(({ vkey }) => vkey.name);
  const isOfLog = names.length === 0 || (origin !== undefined && names.includes(origin));
  ensure(isOfLog, 'usage', 'the policy lists other logs than this one: add it, or remove the list');
  assertReachable(policy);
  return policy;
}

/**
 * Stores the next trust bundle of a data folder, with another witness policy. The folder must have the bundle key. A
 * server applies the policy at its next start. Throws `usage`, `bad-policy`, and the errors of {@link nextBundle}.
 */
export async function replaceWitnessPolicy(folder: DataFolder, text: string): Promise<SignedTrustBundle> {
  const { origin } = await readServerConfig(folder);
  readWitnessPolicy(text, origin);
  const next = await nextBundle(folder, () => ({ witnessPolicy: text }));
  await storeBundle(folder, next);
  return next;
}
