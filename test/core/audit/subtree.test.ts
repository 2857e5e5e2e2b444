import { createHash, type Hash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leafHash } from '../../../src/core/audit/rfc6962.ts';
import { isSubtreeRange, verifySubtreeConsistency, verifySubtreeInclusion } from '../../../src/core/audit/subtree.ts';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import { isNaiveSubtree, NaiveTree } from './naive-subtrees.ts';

/** The largest tree of the vectors. */
const MOST = 130;
const D = Array.from({ length: MOST }, (_, i) => Uint8Array.of(i));
const tree = new NaiveTree(D);
const root = (start: number, end: number): Uint8Array => tree.root(start, end);
const refused = expect.objectContaining({ code: 'bad-log-proof' });

/** Every range of the vectors: `[start, end)` within `n` leaves. */
function* ranges(n: number): Generator<readonly [number, number]> {
  for (let end = 0; end <= n; end++) {
    for (let start = 0; start <= end; start++) if (isNaiveSubtree(BigInt(start), BigInt(end))) yield [start, end];
  }
}

const hex = (proof: readonly Uint8Array[]): string => proof.map((hash) => ` ${formatHex(hash)}`).join('');
const accumulated = (fill: (hash: Hash) => void): string => {
  const hash = createHash('sha256');
  fill(hash);
  return hash.digest('hex');
};

describe('subtrees', () => {
  // The values that draft-ietf-plants-merkle-tree-certs-06 prints in its appendix "Subtree Test Vectors".
  it('have, in the model of these tests, the hashes that the draft prints', () => {
    const hashes = accumulated((all) => {
      for (const [start, end] of ranges(MOST)) all.update(`[${start}, ${end}) ${formatHex(root(start, end))}\n`);
    });
    expect(hashes).toBe('b82806ad4265bb151c1119c0f4db437bb4d1a1f887b3a7fba1cd4ebf552e3e81');
  });

  it('have exactly the ranges that the draft allows, but the empty ones', () => {
    const places = fc.oneof(
      fc.integer({ min: 0, max: 300 }),
      fc.maxSafeNat(),
      fc.integer({ min: 0, max: 52 }).map((bits) => 2 ** bits),
    );
    fc.assert(
      fc.property(places, places, (start, length) => {
        const end = start + length;
        const expected = Number.isSafeInteger(end) && length > 0 && isNaiveSubtree(BigInt(start), BigInt(end));
        expect(isSubtreeRange(start, end)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
    const most = Number.MAX_SAFE_INTEGER;
    const good = [[0, most], [2 ** 52, most], [most - 1, most], [7, 8]] as const; // prettier-ignore
    for (const [start, end] of good) expect(isSubtreeRange(start, end)).toBe(true);
    const bad = [[0, 0], [5, 5], [8, 7], [-1, 0], [-8, -4], [1, 3], [4, 12], [2 ** 51, most], [0, 2 ** 53], [0, NaN], [0.5, 1]] as const; // prettier-ignore
    for (const [start, end] of bad) expect(isSubtreeRange(start, end)).toBe(false);
  });
});

describe('subtree inclusion proofs', () => {
  it('of the draft are accepted, for their leaf alone', () => {
    const proofs = accumulated((all) => {
      for (const [start, end] of ranges(MOST)) {
        for (let index = start; index < end; index++) {
          const proof = tree.path(index, start, end);
          all.update(`${index} [${start}, ${end})${hex(proof)}\n`);
          const subtree = { start, end, hash: root(start, end) };
          verifySubtreeInclusion(index, subtree, leafHash(D[index]!), proof);
          expect(() => verifySubtreeInclusion(index, subtree, leafHash(Uint8Array.of(index + 1)), proof)).toThrow(
            refused,
          );
        }
      }
    });
    expect(proofs).toBe('ac2a8f989e44d99e399db448050ff5f19757df53cfb716aa81015d3955d8163f');
  });

  it('are refused for leaves outside, and for a range that is none', () => {
    const subtree = { start: 8, end: 13, hash: root(8, 13) };
    const proof = tree.path(10, 8, 13);
    verifySubtreeInclusion(10, subtree, leafHash(D[10]!), proof);
    for (const index of [7, 13, 2, 9, 11, -1, NaN]) {
      expect(() => verifySubtreeInclusion(index, subtree, leafHash(D[10]!), proof)).toThrow(refused);
    }
    const unaligned = { start: 9, end: 14, hash: root(9, 14) };
    expect(() => verifySubtreeInclusion(11, unaligned, leafHash(D[11]!), tree.path(11, 9, 14))).toThrow(refused);
  });
});

describe('subtree consistency proofs', () => {
  it('of the draft are accepted', () => {
    const proofs = accumulated((all) => {
      for (let n = 0; n <= MOST; n++) {
        for (const [start, end] of ranges(n)) {
          const proof = tree.subtreeProof(start, end, n);
          all.update(`[${start}, ${end}) ${n}${hex(proof)}\n`);
          if (start < end) verifySubtreeConsistency({ start, end, hash: root(start, end) }, n, root(0, n), proof);
        }
      }
    });
    expect(proofs).toBe('10fa99b37bf9bf9ffa26b412fbd98bd75363256d0b75d61bc4538b9c9c5a0a74');
  });

  const cases = fc
    .integer({ min: 1, max: 70 })
    .chain((n) => fc.record({ n: fc.constant(n), range: fc.constantFrom(...ranges(n)).filter(([a, b]) => a < b) }));

  it('are refused with a bit changed, a hash missing or too many, or hashes of another length', () => {
    fc.assert(
      fc.property(cases, fc.nat(), ({ n, range: [start, end] }, seed) => {
        const proof = tree.subtreeProof(start, end, n);
        const hash = root(start, end);
        const check = (subtreeHash: Uint8Array, of: Uint8Array, hashes: readonly Uint8Array[]) => (): void =>
          verifySubtreeConsistency({ start, end, hash: subtreeHash }, n, of, hashes);
        expect(check(hash, root(0, n), proof)).not.toThrow();
        const flip = (one: Uint8Array): Uint8Array =>
          one.map((byte, i) => (i === seed % 32 ? byte ^ (1 << (seed % 8)) : byte));
        expect(check(flip(hash), root(0, n), proof)).toThrow(refused);
        expect(check(hash, flip(root(0, n)), proof)).toThrow(refused);
        proof.forEach((one, i) => expect(check(hash, root(0, n), proof.with(i, flip(one)))).toThrow(refused));
        expect(check(hash, root(0, n), [...proof, hash])).toThrow(refused);
        expect(check(hash, root(0, n), [hash, ...proof])).toThrow(refused);
        if (proof.length === 0) return;
        expect(check(hash, root(0, n), proof.slice(1))).toThrow(refused);
        expect(check(hash, root(0, n), proof.with(0, hash.slice(1)))).toThrow(refused);
      }),
    );
  });

  it('are refused for every other range of the same tree, and in a tree that is too small or no tree', () => {
    for (const n of [1, 2, 7, 14, 16, 33]) {
      const all = [...ranges(n)].filter(([start, end]) => start < end);
      for (const [start, end] of all) {
        const proof = tree.subtreeProof(start, end, n);
        for (const [from, to] of all) {
          if (from === start && to === end) continue;
          const other = { start: from, end: to, hash: root(start, end) };
          expect(() => verifySubtreeConsistency(other, n, root(0, n), proof)).toThrow(refused);
        }
        for (const size of [end - 1, 2 ** 53, NaN]) {
          const subtree = { start, end, hash: root(start, end) };
          expect(() => verifySubtreeConsistency(subtree, size, root(0, n), proof)).toThrow(refused);
        }
      }
    }
  });

  it('are refused for empty and unaligned ranges, and beyond the tree', () => {
    for (const [start, end] of [
      [0, 0],
      [5, 5],
      [1, 3],
      [4, 12],
      [0, 15],
      [12, 16],
      [-2, 2],
    ] as const) {
      // prettier-ignore
      const subtree = { start, end, hash: root(Math.max(start, 0), end) };
      expect(() => verifySubtreeConsistency(subtree, 14, root(0, 14), [])).toThrow(refused);
    }
  });
});
