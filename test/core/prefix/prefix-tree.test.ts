import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import type { PrefixLeaf } from '../../../src/core/keytrans/proofs.ts';
import { evaluatePrefixInsertion, evaluatePrefixProof } from '../../../src/core/prefix/prefix-proof.ts';
import { EMPTY_PREFIX_ROOT, insertPrefixLeaves, provePrefixLookups } from '../../../src/core/prefix/prefix-tree.ts';
import type { TileName } from '../../../src/core/prefix/tile-name.ts';
import { keyArbitrary, leavesArbitrary } from './arbitraries.ts';
import { naiveProof, naiveRoot } from './naive-prefix-tree.ts';
import { sortLeaves, TileStore } from './tile-store.ts';

const key = (...bytes: number[]): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => bytes[i] ?? 0);
const leaf = (vrfOutput: Uint8Array, fill = 7): PrefixLeaf => ({ vrfOutput, commitment: key().fill(fill) });
const withCode = (code: string): object => expect.objectContaining({ code });

describe('prefix tree', () => {
  it('has the all-zero root without leaves, and shows absence by a stand-in at depth 0', () => {
    const store = new TileStore();
    expect(EMPTY_PREFIX_ROOT.hash).toEqual(new Uint8Array(32));
    const proof = store.prove(EMPTY_PREFIX_ROOT, [key(1), key(2)]);
    const absent = { type: 'nonInclusionParent', depth: 0 };
    expect(proof).toEqual({ results: [absent, absent], elements: [] });
    expect(evaluatePrefixProof(proof, [{ vrfOutput: key(1) }, { vrfOutput: key(2) }])).toEqual(new Uint8Array(32));
  });

  it('has an only leaf at depth 0', () => {
    const store = new TileStore();
    const only = leaf(key(0x10));
    const { root } = store.insert(EMPTY_PREFIX_ROOT, [only], 0);
    const proof = store.prove(root, [key(0x10), key(0xf0)]);
    expect(proof.results).toEqual([
      { type: 'inclusion', depth: 0 },
      { type: 'nonInclusionLeaf', leaf: only, depth: 0 },
    ]);
    expect(proof.elements).toEqual([]);
  });

  it('gives the depth of the missing child for nonInclusionParent', () => {
    const store = new TileStore();
    const { root } = store.insert(EMPTY_PREFIX_ROOT, [leaf(key(0x00)), leaf(key(0x40))], 0);
    expect(store.prove(root, [key(0x80)]).results).toEqual([{ type: 'nonInclusionParent', depth: 1 }]);
  });

  it('proves an omitted ladder by the root alone, and reads nothing for it', () => {
    const store = new TileStore();
    const root = store.build([leaf(key(1)), leaf(key(2))]);
    expect(provePrefixLookups(root, []).next().value).toEqual({ results: [], elements: [root.hash] });
  });

  it('adding nothing changes nothing', () => {
    const store = new TileStore();
    const root = store.build([leaf(key(1)), leaf(key(2))]);
    const insertion = store.insert(root, [], 9);
    expect(insertion).toEqual({ root, tiles: [], proof: { results: [], elements: [root.hash] } });
  });

  it('refuses a key that is there', () => {
    const store = new TileStore();
    const root = store.build([leaf(key(1)), leaf(key(2))]);
    expect(() => store.insert(root, [leaf(key(2), 9), leaf(key(3))], 9)).toThrow(withCode('prefix-key-exists'));
  });

  it('refuses leaves out of order, repeated, too many, or of the wrong length', () => {
    const refused = (leaves: PrefixLeaf[]): void => {
      expect(() => insertPrefixLeaves(EMPTY_PREFIX_ROOT, leaves, 0).next()).toThrow(withCode('value-out-of-range'));
    };
    refused([leaf(key(2)), leaf(key(1))]);
    refused([leaf(key(1)), leaf(key(1))]);
    refused(Array.from({ length: 256 }, (_, i) => leaf(key(1, i))));
    refused([leaf(new Uint8Array(31))]);
    refused([{ vrfOutput: key(), commitment: new Uint8Array(33) }]);
  });

  it('proves at most 255 lookups, of keys of 32 bytes', () => {
    const lookups = (keys: Uint8Array[]) => () => provePrefixLookups(EMPTY_PREFIX_ROOT, keys).next();
    const many = Array.from({ length: 256 }, () => key(1));
    expect(lookups(many.slice(1))).not.toThrow();
    expect(lookups(many)).toThrow(withCode('value-out-of-range'));
    expect(lookups([new Uint8Array(31)])).toThrow(withCode('value-out-of-range'));
  });

  it('takes keys that differ in bit 254, and refuses those that differ in the last bit only', () => {
    const store = new TileStore();
    const ending = (last: number): Uint8Array => key().with(31, last);
    const { root } = store.insert(EMPTY_PREFIX_ROOT, [leaf(ending(0)), leaf(ending(2))], 0);
    const proof = store.prove(root, [ending(0), ending(2), ending(3)]);
    expect(proof.results.map(({ depth }) => depth)).toEqual([255, 255, 255]);
    expect(() => store.insert(root, [leaf(ending(1))], 1)).toThrow(withCode('value-out-of-range'));
    expect(() => store.insert(EMPTY_PREFIX_ROOT, [leaf(ending(0)), leaf(ending(1))], 1)).toThrow(
      withCode('value-out-of-range'),
    );
  });

  it('agrees with the model, in any order of insertion and of lookup, with repetitions', () => {
    const runs = fc.tuple(
      leavesArbitrary(40),
      fc.array(keyArbitrary, { maxLength: 12 }),
      fc.integer({ min: 1, max: 9 }),
    );
    fc.assert(
      fc.property(runs, ([leaves, others, batch]) => {
        const store = new TileStore();
        const root = store.build(leaves, batch);
        expect(root.hash).toEqual(naiveRoot(leaves));
        const keys = others.flatMap((other, i) => [other, leaves[i]?.vrfOutput ?? other]);
        const proof = store.prove(root, keys);
        expect(proof).toEqual(naiveProof(leaves, keys));
        const commitments = new Map(leaves.map(({ vrfOutput, commitment }) => [vrfOutput.join(), commitment]));
        const searches = keys.map((vrfOutput) => ({ vrfOutput, commitment: commitments.get(vrfOutput.join()) }));
        expect(evaluatePrefixProof(proof, searches)).toEqual(root.hash);
      }),
    );
  });

  it('keeps every older version readable, and shows each step by its own proof', () => {
    fc.assert(
      fc.property(leavesArbitrary(40, 1), fc.integer({ min: 1, max: 9 }), (leaves, batch) => {
        const store = new TileStore();
        const versions = [{ root: EMPTY_PREFIX_ROOT, size: 0 }];
        for (let size = 0; size < leaves.length; size += batch) {
          const added = leaves.slice(size, size + batch);
          const old = versions.at(-1)!.root;
          const { root, proof, tiles } = store.insert(old, added, size);
          expect(evaluatePrefixInsertion(proof, sortLeaves(added))).toEqual({ before: old.hash, after: root.hash });
          expect(tiles.map(({ name }) => name)).toEqual(tiles.map((_, counter) => ({ position: size, counter })));
          versions.push({ root, size: Math.min(size + batch, leaves.length) });
        }
        const keys = leaves.map(({ vrfOutput }) => vrfOutput);
        for (const { root, size } of versions) {
          expect(store.prove(root, keys)).toEqual(naiveProof(leaves.slice(0, size), keys));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('asks for all tiles of one level at once', () => {
    const leaves = Array.from({ length: 600 }, (_, i) => leaf(sha256(Uint8Array.of(i & 255, i >> 8))));
    const store = new TileStore();
    const root = store.build(leaves);
    const work = provePrefixLookups(
      root,
      leaves.slice(0, 200).map(({ vrfOutput }) => vrfOutput),
    );
    const rounds: number[] = [];
    let step = work.next();
    while (step.done !== true) {
      rounds.push(step.value.length);
      step = work.next(step.value.map((name) => store.read(name)));
    }
    expect(rounds.length).toBe(5);
    expect(rounds.slice(0, 2)).toEqual([1, 16]);
  });

  it('asks for no tile that no key leads into', () => {
    const leaves = Array.from({ length: 600 }, (_, i) => leaf(sha256(Uint8Array.of(i & 255, i >> 8))));
    const store = new TileStore();
    const root = store.build(leaves);
    const work = provePrefixLookups(root, [leaves[0]!.vrfOutput]);
    let rounds = 0;
    for (let step = work.next(); step.done !== true; rounds++) {
      expect(step.value).toHaveLength(1);
      step = work.next(step.value.map((name) => store.read(name)));
    }
    expect(rounds).toBeGreaterThan(1);
  });

  it('refuses more or fewer tiles than it asked for', () => {
    const store = new TileStore();
    const root = store.build([leaf(key(1)), leaf(key(2))]);
    for (const times of [0, 2]) {
      const work = provePrefixLookups(root, [key(1)]);
      const [name] = work.next().value as TileName[];
      const tiles = Array.from({ length: times }, () => store.read(name!));
      expect(() => work.next(tiles)).toThrow(withCode('storage-corrupt'));
    }
  });
});
