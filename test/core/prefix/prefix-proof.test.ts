import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import { type PrefixLeaf, type PrefixProof, prefixProofCodec } from '../../../src/core/keytrans/proofs.ts';
import { hashPrefixLeaf, hashPrefixParent } from '../../../src/core/prefix/prefix-hash.ts';
import {
  evaluatePrefixInsertion,
  evaluatePrefixProof,
  type PrefixSearch,
} from '../../../src/core/prefix/prefix-proof.ts';
import { keyArbitrary, leavesArbitrary } from './arbitraries.ts';
import { naiveProof, naiveRoot } from './naive-prefix-tree.ts';
import { sortLeaves } from './tile-store.ts';

const key = (...bytes: number[]): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => bytes[i] ?? 0);
const leaf = (...bytes: number[]): PrefixLeaf => ({ vrfOutput: key(...bytes), commitment: key(1, 2, 3) });
const badProof = expect.objectContaining({ code: 'bad-prefix-proof' });

/** The root that a proof implies, or undefined where it is refused. */
function evaluated(proof: PrefixProof, searches: readonly PrefixSearch[]): Uint8Array | undefined {
  try {
    return evaluatePrefixProof(proof, searches);
  } catch (error) {
    if (isGlasskeyError(error, 'bad-prefix-proof')) return undefined;
    throw error;
  }
}

/** Trees with a few searches, some of which find their key. */
const proofArbitrary = fc
  .tuple(leavesArbitrary(12, 1), fc.array(keyArbitrary, { minLength: 1, maxLength: 4 }), fc.nat(11))
  .map(([leaves, others, chosen]) => {
    const found = leaves[chosen % leaves.length]!;
    const searches = [...others.map((vrfOutput) => searchIn(leaves, vrfOutput)), found];
    const keys = searches.map(({ vrfOutput }) => vrfOutput);
    return { proof: naiveProof(leaves, keys), searches, root: naiveRoot(leaves) };
  });

function searchIn(leaves: readonly PrefixLeaf[], vrfOutput: Uint8Array): PrefixSearch {
  const found = leaves.find((other) => other.vrfOutput.join() === vrfOutput.join());
  return { vrfOutput, commitment: found?.commitment };
}

describe('evaluatePrefixProof', () => {
  it('refuses a proof with any bit flipped', () => {
    fc.assert(
      fc.property(proofArbitrary, fc.nat(), ({ proof, searches, root }, place) => {
        const bytes = encode(prefixProofCodec, proof);
        const at = place % (8 * bytes.length);
        bytes[at >> 3]! ^= 1 << (at & 7);
        let tampered: PrefixProof;
        try {
          tampered = decode(prefixProofCodec, bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'malformed-encoding' });
          return;
        }
        expect(evaluated(tampered, searches)).not.toEqual(root);
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses a proof with an element dropped, repeated, swapped or added', () => {
    fc.assert(
      fc.property(proofArbitrary, fc.nat(), ({ proof, searches, root }, place) => {
        const { results, elements } = proof;
        const refused = (changed: readonly Uint8Array[]): void => {
          expect(evaluated({ results, elements: changed }, searches)).not.toEqual(root);
        };
        refused([...elements, key()]);
        refused([key(), ...elements]);
        if (elements.length === 0) return;
        const at = place % elements.length;
        const element = elements[at]!;
        refused(elements.toSpliced(at, 1));
        refused(elements.toSpliced(at, 0, element));
        const next = elements[at + 1];
        if (next !== undefined && next.join() !== element.join()) refused(elements.toSpliced(at, 2, next, element));
      }),
    );
  });

  it('refuses a proof with a result dropped, repeated or swapped, or with another commitment', () => {
    fc.assert(
      fc.property(proofArbitrary, fc.nat(), ({ proof, searches, root }, place) => {
        const at = place % proof.results.length;
        const result = proof.results[at]!;
        const refused = (results: PrefixProof['results'], asked = searches): void => {
          expect(evaluated({ results, elements: proof.elements }, asked)).not.toEqual(root);
        };
        refused(proof.results.toSpliced(at, 1));
        refused(proof.results.toSpliced(at, 0, result));
        const last = searches.at(-1)!;
        refused(proof.results, [...searches.slice(0, -1), { ...last, commitment: last.commitment!.map((b) => b ^ 1) }]);
        refused(proof.results, [...searches.slice(0, -1), { vrfOutput: last.vrfOutput }]);
      }),
    );
  });

  it('refuses a key hidden behind its own leaf', () => {
    const [a, b] = [leaf(0), leaf(0x80)];
    const root = hashPrefixParent(hashPrefixLeaf(a.vrfOutput, a.commitment), hashPrefixLeaf(b.vrfOutput, b.commitment));
    const elements = [hashPrefixLeaf(b.vrfOutput, b.commitment)];
    expect(evaluatePrefixProof({ results: [{ type: 'inclusion', depth: 1 }], elements }, [a])).toEqual(root);
    const hidden: PrefixProof = { results: [{ type: 'nonInclusionLeaf', leaf: a, depth: 1 }], elements };
    expect(() => evaluatePrefixProof(hidden, [a])).toThrow(badProof);
  });

  it('refuses a key hidden behind a leaf that is elsewhere in the tree', () => {
    const [a, b] = [leaf(0), leaf(0x80)];
    const elements = [hashPrefixLeaf(a.vrfOutput, a.commitment)];
    const hidden: PrefixProof = { results: [{ type: 'nonInclusionLeaf', leaf: b, depth: 1 }], elements };
    expect(() => evaluatePrefixProof(hidden, [{ vrfOutput: key(0x20) }])).toThrow(badProof);
  });

  it('refuses results that contradict each other', () => {
    const searches = [{ vrfOutput: key(0) }, { vrfOutput: key(0x40) }];
    const refused = (...results: PrefixProof['results']): void => {
      for (let count = 0; count < 4; count++) {
        const elements = Array.from({ length: count }, () => key(9));
        expect(() => evaluatePrefixProof({ results, elements }, searches)).toThrow(badProof);
      }
    };
    refused({ type: 'nonInclusionParent', depth: 1 }, { type: 'nonInclusionParent', depth: 2 });
    refused({ type: 'nonInclusionParent', depth: 2 }, { type: 'nonInclusionParent', depth: 1 });
    refused({ type: 'nonInclusionLeaf', leaf: leaf(1), depth: 1 }, { type: 'nonInclusionParent', depth: 1 });
    refused(
      { type: 'nonInclusionLeaf', leaf: leaf(1), depth: 1 },
      { type: 'nonInclusionLeaf', leaf: leaf(2), depth: 1 },
    );
  });

  it('refuses a leaf below where it would be: beside nothing', () => {
    const proof: PrefixProof = { results: [{ type: 'nonInclusionLeaf', leaf: leaf(1), depth: 1 }], elements: [key()] };
    expect(() => evaluatePrefixProof(proof, [{ vrfOutput: key(0) }])).toThrow(badProof);
    const empty: PrefixProof = { results: [{ type: 'nonInclusionParent', depth: 1 }], elements: [key()] };
    expect(() => evaluatePrefixProof(empty, [{ vrfOutput: key(0) }])).toThrow(badProof);
  });

  it('refuses a parent of fewer than two leaves, all of whose children were searched for', () => {
    const searches = [{ vrfOutput: key(0) }, { vrfOutput: key(0x80) }];
    const absent = { type: 'nonInclusionParent', depth: 1 } as const;
    const left = { type: 'nonInclusionLeaf', leaf: leaf(1), depth: 1 } as const;
    const right = { type: 'nonInclusionLeaf', leaf: leaf(0x81), depth: 1 } as const;
    const evaluate = (...results: PrefixProof['results']) => evaluatePrefixProof({ results, elements: [] }, searches);
    expect(() => evaluate(left, right)).not.toThrow();
    expect(() => evaluate(absent, right)).toThrow(badProof);
    expect(() => evaluate(left, absent)).toThrow(badProof);
    expect(() => evaluate(absent, absent)).toThrow(badProof);
  });

  it('refuses a leaf where another search ended on nothing', () => {
    const searches = [{ vrfOutput: key(0) }, { vrfOutput: key(0x40) }];
    const results: PrefixProof['results'] = [
      { type: 'nonInclusionParent', depth: 1 },
      { type: 'nonInclusionLeaf', leaf: leaf(1), depth: 1 },
    ];
    expect(() => evaluatePrefixProof({ results, elements: [key(9)] }, searches)).toThrow(badProof);
  });

  it('refuses values of a wrong length', () => {
    const long = (length: number): Uint8Array => new Uint8Array(length).fill(1);
    for (const wrong of [0, 31, 33]) {
      const absent: PrefixProof = { results: [{ type: 'nonInclusionParent', depth: 0 }], elements: [] };
      expect(() => evaluatePrefixProof(absent, [{ vrfOutput: long(wrong) }])).toThrow(badProof);
      expect(() => evaluatePrefixProof({ results: [], elements: [long(wrong)] }, [])).toThrow(badProof);
      for (const [vrfOutput, commitment] of [
        [long(wrong), long(32)],
        [long(32), long(wrong)],
      ] as const) {
        const other: PrefixProof['results'] = [{ type: 'nonInclusionLeaf', leaf: { vrfOutput, commitment }, depth: 0 }];
        expect(() => evaluatePrefixProof({ results: other, elements: [] }, [{ vrfOutput: key() }])).toThrow(badProof);
      }
      const found: PrefixProof = { results: [{ type: 'inclusion', depth: 0 }], elements: [] };
      expect(() => evaluatePrefixProof(found, [{ vrfOutput: key(), commitment: long(wrong) }])).toThrow(badProof);
    }
  });

  it('takes a search that ends at depth 255, and refuses a depth that no node has', () => {
    const [even, odd] = [key(), key().with(31, 1)];
    const shown = { type: 'nonInclusionLeaf', leaf: leaf(0), depth: 255 } as const;
    const elements = Array.from({ length: 255 }, () => key(9));
    expect(evaluatePrefixProof({ results: [shown], elements }, [{ vrfOutput: odd }])).toHaveLength(32);
    for (const depth of [-1, 0.5, 256, Number.NaN]) {
      for (const count of [0, 1, 254, 255, 256, 257]) {
        const proof: PrefixProof = {
          results: [{ type: 'nonInclusionParent', depth }],
          elements: Array.from({ length: count }, () => key(9)),
        };
        expect(() => evaluatePrefixProof(proof, [{ vrfOutput: even }])).toThrow(badProof);
      }
    }
  });

  it('takes the root itself for no searches', () => {
    expect(evaluatePrefixProof({ results: [], elements: [key(5)] }, [])).toEqual(key(5));
    expect(() => evaluatePrefixProof({ results: [], elements: [] }, [])).toThrow(badProof);
    expect(() => evaluatePrefixProof({ results: [], elements: [key(5), key(5)] }, [])).toThrow(badProof);
  });
});

describe('evaluatePrefixInsertion', () => {
  it('gives the roots that the model has', () => {
    fc.assert(
      fc.property(leavesArbitrary(30), fc.nat(30), (leaves, split) => {
        const old = leaves.slice(0, split);
        const added = sortLeaves(leaves.slice(split));
        const proof = naiveProof(
          old,
          added.map(({ vrfOutput }) => vrfOutput),
        );
        expect(evaluatePrefixInsertion(proof, added)).toEqual({ before: naiveRoot(old), after: naiveRoot(leaves) });
      }),
    );
  });

  it('refuses leaves that are out of order, repeated, or there already', () => {
    const refused = (old: PrefixLeaf[], added: PrefixLeaf[]): void => {
      const proof = naiveProof(
        old,
        added.map(({ vrfOutput }) => vrfOutput),
      );
      expect(() => evaluatePrefixInsertion(proof, added)).toThrow(badProof);
    };
    refused([leaf(1)], [leaf(3), leaf(2)]);
    refused([leaf(1)], [leaf(2), leaf(2)]);
    refused([leaf(1)], [leaf(1)]);
    refused([], [leaf(0), { vrfOutput: key().with(31, 1), commitment: key() }]);
  });

  it('refuses more or fewer results than leaves', () => {
    const absent = { type: 'nonInclusionParent', depth: 0 } as const;
    const insert = (results: PrefixProof['results']) => () =>
      evaluatePrefixInsertion({ results, elements: [] }, [leaf(1), leaf(2)]);
    expect(insert([absent, absent])).not.toThrow();
    for (const results of [[], [absent], [absent, absent, absent]]) expect(insert(results)).toThrow(badProof);
  });
});
