import { disjointQuorums } from '../core/audit/disjoint-quorums.ts';
import { parsePolicy } from '../core/audit/policy.ts';
import type { Policy } from '../core/audit/policy-parts.ts';
import type { SignedTrustBundle } from '../contract/trust-bundle.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
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

/** Options for the policy of a new log or bundle. */
export interface NewPolicyOptions {
  /** The log's origin, if it has one already. */
  readonly origin?: string | undefined;
  /** True accepts quorums without a common witness. Default: false. */
  readonly allowsDisjointQuorums?: boolean | undefined;
}

/**
 * Checks the witness policy that a log or a bundle is made with. Throws `bad-policy` if two quorums share no witness,
 * unless the caller allows it: honest witnesses could then cosign a fork. Throws what {@link readWitnessPolicy} throws.
 */
export function assertNewPolicy(text: string, { origin, allowsDisjointQuorums = false }: NewPolicyOptions): void {
  const disjoint = disjointQuorums(readWitnessPolicy(text, origin));
  if (disjoint === undefined || allowsDisjointQuorums) return;
  const [first, second] = disjoint.map((names) => names.join(', '));
  const finding = `the quorums (${first}) and (${second}) share no witness, so that honest witnesses can cosign a fork`;
  throw new GlasskeyError('bad-policy', `${finding}: raise a threshold, or pass --allow-disjoint-quorums`);
}

/**
 * Stores the next trust bundle of a data folder, with another witness policy. The folder must have the bundle key. A
 * server applies the policy at its next start. Throws what {@link assertNewPolicy} and {@link nextBundle} throw.
 */
export async function replaceWitnessPolicy(
  folder: DataFolder,
  text: string,
  options: Omit<NewPolicyOptions, 'origin'> = {},
): Promise<SignedTrustBundle> {
  const { origin } = await readServerConfig(folder);
  assertNewPolicy(text, { ...options, origin });
  const next = await nextBundle(folder, () => ({ witnessPolicy: text }));
  await storeBundle(folder, next);
  return next;
}
