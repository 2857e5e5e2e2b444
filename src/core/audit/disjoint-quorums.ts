import { NO_QUORUM, type Policy } from './policy-parts.ts';

/**
 * The use of a policy's witnesses to readers. `none`: nobody cosigns. `overlapping`: any two quorums share a witness,
 * who would have to cosign both sides of a fork. `disjoint`: two quorums may share none, so that honest witnesses can
 * cosign a fork.
 */
export type Witnessing = 'none' | 'overlapping' | 'disjoint';

/** Two quorums without a common witness, by the witnesses' names. */
export type DisjointQuorums = readonly [readonly string[], readonly string[]];

/** Returns what the witnesses of a policy do for its readers. */
export function witnessingOf(policy: Policy): Witnessing {
  if (policy.quorum === NO_QUORUM) return 'none';
  return disjointQuorums(policy) === undefined ? 'overlapping' : 'disjoint';
}

/**
 * Returns two quorums without a common witness, or undefined if any two share one.
 *
 * The policy is a tree: no witness or group is in two groups. Two choices of t out of n members share at least 2t - n
 * of them, and can share exactly that many (0 if it is negative). The two quorums are disjoint if and only if every
 * shared member, at will one of the k that have two disjoint quorums themselves, contributes these: iff 2t - n <= k.
 */
export function disjointQuorums(policy: Policy): DisjointQuorums | undefined {
  const one = new Map<string, readonly string[]>(policy.witnesses.map(({ name }) => [name, [name]]));
  const two = new Map<string, DisjointQuorums>();
  // Groups name only what is defined before them.
  for (const { name, threshold, members } of policy.groups) {
    const quorumOf = (chosen: readonly string[]): string[] => chosen.flatMap((member) => one.get(member) ?? []);
    one.set(name, quorumOf(members.slice(0, threshold)));
    const splitting = members.filter((member) => two.has(member));
    const common = Math.max(0, 2 * threshold - members.length);
    if (common > splitting.length) continue;
    const shared = splitting.slice(0, common);
    const others = members.filter((member) => !shared.includes(member));
    const half = (side: 0 | 1): string[] => {
      const count = threshold - common;
      const own = quorumOf(others.slice(side * count, (side + 1) * count));
      return [...shared.flatMap((member) => two.get(member)?.[side] ?? []), ...own];
    };
    two.set(name, [half(0), half(1)]);
  }
  return two.get(policy.quorum);
}
