import { parsePolicy } from '../core/audit/policy.ts';
import type { Policy } from '../core/audit/policy-parts.ts';
import type { SignedTrustBundle } from '../contract/trust-bundle.ts';
import { ensure } from '../core/errors.ts';
import { assertReachable } from '../service/witnessing/witness-quorum.ts';
import { type DataFolder, readServerConfig } from './data-folder.ts';
import { nextBundle, storeBundle } from './next-bundle.ts';

/**
 * Reads the policy by which a log is witnessed (c2sp.org/tlog-policy). `origin` is the log's, where it has one already.
 * Throws `bad-policy`, and `usage` for one that this log could never satisfy.
 */
export function readWitnessPolicy(text: string, origin?: string): Policy {
  const policy = parsePolicy(text);
  const names = policy.logs.map(({ vkey }) => vkey.name);
  const isOfLog = names.length === 0 || (origin !== undefined && names.includes(origin));
  ensure(isOfLog, 'usage', 'the policy lists logs, and this one is not among them');
  assertReachable(policy);
  return policy;
}

/**
 * Makes and stores the next trust bundle of a data folder, with another witness policy, signed by the bundle key, which must
 * be there. A running server uses it after its next start. Throws `usage`, `bad-policy`, and what
 * {@link nextBundle} throws.
 */
export async function replaceWitnessPolicy(folder: DataFolder, text: string): Promise<SignedTrustBundle> {
  const { origin } = await readServerConfig(folder);
  readWitnessPolicy(text, origin);
  const next = await nextBundle(folder, () => ({ witnessPolicy: text }));
  await storeBundle(folder, next);
  return next;
}
