import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { disjointQuorums, witnessingOf } from '../../../src/core/audit/disjoint-quorums.ts';
import { isQuorum, parsePolicy } from '../../../src/core/audit/policy.ts';
import type { Policy } from '../../../src/core/audit/policy-parts.ts';
import { formatVkey } from '../../../src/core/audit/vkey.ts';
import { testCosigner } from './test-cosigner.ts';

const KEYS = Array.from({ length: 8 }, (_, i) => formatVkey(testCosigner(`w${i}.example`, 30 + i).vkey));

/** How the nodes that are not yet in a group are put into one: some of them, and a threshold. */
interface Grouping {
  readonly picks: readonly number[];
  readonly threshold: number;
}

/** A random policy of at most 8 witnesses and 5 groups. Its quorum is one of the nodes that is in no group. */
const policies = fc
  .record({
    witnesses: fc.integer({ min: 1, max: KEYS.length }),
    groupings: fc.array(fc.record({ picks: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }), threshold: fc.nat() }), {
      maxLength: 5,
    }),
    quorum: fc.nat(),
  })
  .map(({ witnesses, groupings, quorum }): Policy => {
    const lines = KEYS.slice(0, witnesses).map((key, i) => `witness w${i} ${key}`);
    let free = lines.map((_, i) => `w${i}`);
    groupings.forEach(({ picks, threshold }: Grouping, i) => {
      const members = [...new Set(picks.map((pick) => free[pick % free.length] as string))];
      lines.push(`group g${i} ${(threshold % members.length) + 1} ${members.join(' ')}`);
      free = [...free.filter((name) => !members.includes(name)), `g${i}`];
    });
    return parsePolicy([...lines, `quorum ${free[quorum % free.length]}`, ''].join('\n'));
  });

/** All sets of witnesses that make the quorum. */
function quorums(policy: Policy): ReadonlySet<string>[] {
  const names = policy.witnesses.map(({ name }) => name);
  const subsets = Array.from({ length: 2 ** names.length }, (_, bits) =>
    names.filter((__, i) => (bits & (1 << i)) !== 0),
  );
  return subsets.map((subset) => new Set(subset)).filter((subset) => isQuorum(policy, subset));
}

const isDisjoint = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => [...a].every((name) => !b.has(name));

describe('quorums without a common witness', () => {
  it('are found where there are two, as by trying all sets, and are quorums', () => {
    let [disjoint, overlapping] = [0, 0];
    fc.assert(
      fc.property(policies, (policy) => {
        const found = disjointQuorums(policy);
        const all = quorums(policy);
        expect(found !== undefined).toBe(all.some((a) => all.some((b) => isDisjoint(a, b))));
        if (found === undefined) {
          overlapping += 1;
          return;
        }
        disjoint += 1;
        const [first, second] = found.map((names) => new Set(names)) as [Set<string>, Set<string>];
        expect([isQuorum(policy, first), isQuorum(policy, second), isDisjoint(first, second)]).toEqual([
          true,
          true,
          true,
        ]);
      }),
      { seed: 15, numRuns: 400 },
    );
    expect([disjoint > 40, overlapping > 40]).toEqual([true, true]);
  });

  const witnesses = KEYS.map((key, i) => `witness w${i + 1} ${key}\n`).join('');
  it.each([
    ['no witnesses', 'quorum none', 'none'],
    ['witnesses that nobody needs', 'group g any w1 w2\nquorum none', 'none'],
    ['one witness', 'quorum w1', 'overlapping'],
    ['any of one', 'group g any w1\nquorum g', 'overlapping'],
    ['one of three', 'group one 1 w1 w2 w3\nquorum one', 'disjoint'],
    ['two of three', 'group two 2 w1 w2 w3\nquorum two', 'overlapping'],
    ['two of four', 'group two 2 w1 w2 w3 w4\nquorum two', 'disjoint'],
    ['three of four', 'group three 3 w1 w2 w3 w4\nquorum three', 'overlapping'],
    ['all of two that are any of two', 'group a any w1 w2\ngroup b any w3 w4\ngroup c all a b\nquorum c', 'disjoint'],
    ['all of one such and a witness', 'group a any w1 w2\ngroup c all a w3\nquorum c', 'overlapping'],
    ['two of one such and two witnesses', 'group a any w1 w2\ngroup c 2 a w3 w4\nquorum c', 'disjoint'],
  ] as const)('%s: %s', (_, text, expected) => {
    expect(witnessingOf(parsePolicy(`${witnesses}${text}\n`))).toBe(expected);
  });
});
