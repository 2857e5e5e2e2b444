import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import {
  auditorLogRoot,
  type AuditorState,
  type AuditorUpdate,
  auditorUpdateCodec,
  EMPTY_AUDITOR_STATE,
  verifyAuditorUpdate,
} from '../../../src/core/keytrans/auditor-update.ts';
import type { PrefixLeaf } from '../../../src/core/keytrans/proofs.ts';
import { EMPTY_PREFIX_ROOT } from '../../../src/core/prefix/prefix-tree.ts';
import { leavesArbitrary } from '../prefix/arbitraries.ts';
import { naiveProof, naiveRoot } from '../prefix/naive-prefix-tree.ts';
import { sortLeaves, TileStore } from '../prefix/tile-store.ts';

const leaf = (first: number): PrefixLeaf => ({
  vrfOutput: new Uint8Array(32).fill(first),
  commitment: new Uint8Array(32),
});
const withCode = (code: string): object => expect.objectContaining({ code });

/** An honest log: one update per batch of `leaves`, ten milliseconds apart. */
function history(leaves: readonly PrefixLeaf[], batch: number): AuditorUpdate[] {
  const store = new TileStore();
  const updates: AuditorUpdate[] = [];
  let root = EMPTY_PREFIX_ROOT;
  for (let position = 0; position === 0 || position * batch < leaves.length; position++) {
    const added = sortLeaves(leaves.slice(position * batch, (position + 1) * batch));
    const insertion = store.insert(root, added, position);
    root = insertion.root;
    updates.push({ timestampMs: 10 * position, added, removed: [], proof: insertion.proof });
  }
  return updates;
}

/** The update for `added` and `removed` on a tree of `old`, and the state that it belongs to. */
function change(old: PrefixLeaf[], added: PrefixLeaf[], removed: PrefixLeaf[] = []): [AuditorState, AuditorUpdate] {
  const keys = [...added, ...removed].map(({ vrfOutput }) => vrfOutput);
  const state = { ...EMPTY_AUDITOR_STATE, prefixRoot: naiveRoot(old) };
  return [state, { timestampMs: 5, added, removed, proof: naiveProof(old, keys) }];
}

describe('verifyAuditorUpdate', () => {
  it('follows an honest log', () => {
    fc.assert(
      fc.property(leavesArbitrary(30), fc.integer({ min: 1, max: 8 }), (leaves, batch) => {
        let state = EMPTY_AUDITOR_STATE;
        const updates = history(leaves, batch);
        updates.forEach((update, position) => {
          state = verifyAuditorUpdate(state, decode(auditorUpdateCodec, encode(auditorUpdateCodec, update)));
          expect(state.size).toBe(position + 1);
          expect(state.timestampMs).toBe(update.timestampMs);
          expect(state.prefixRoot).toEqual(naiveRoot(leaves.slice(0, (position + 1) * batch)));
          expect(auditorLogRoot(state)).toHaveLength(32);
        });
      }),
    );
  });

  it('comes to another state, or refuses, when any bit of an update is flipped', () => {
    fc.assert(
      fc.property(leavesArbitrary(12, 4), fc.nat(), (leaves, place) => {
        const [first, second] = history(leaves, Math.ceil(leaves.length / 2)) as [AuditorUpdate, AuditorUpdate];
        const state = verifyAuditorUpdate(EMPTY_AUDITOR_STATE, first);
        const bytes = encode(auditorUpdateCodec, second);
        const at = place % (8 * bytes.length);
        bytes[at >> 3]! ^= 1 << (at & 7);
        try {
          const next = verifyAuditorUpdate(state, decode(auditorUpdateCodec, bytes));
          expect(auditorLogRoot(next)).not.toEqual(auditorLogRoot(verifyAuditorUpdate(state, second)));
        } catch (error) {
          expect(error).toSatisfy((thrown) => isGlasskeyError(thrown));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('takes an entry that changes nothing', () => {
    const [state, update] = change([leaf(1), leaf(2)], []);
    expect(update.proof).toEqual({ results: [], elements: [state.prefixRoot] });
    expect(verifyAuditorUpdate(state, update).prefixRoot).toEqual(state.prefixRoot);
  });

  it('starts in the middle of a log', () => {
    const updates = history(
      Array.from({ length: 20 }, (_, i) => leaf(i)),
      2,
    );
    let state = EMPTY_AUDITOR_STATE;
    for (const update of updates.slice(0, 6)) state = verifyAuditorUpdate(state, update);
    const restored = structuredClone(state);
    for (const update of updates.slice(6)) state = verifyAuditorUpdate(state, update);
    expect(updates.slice(6).reduce(verifyAuditorUpdate, restored)).toEqual(state);
  });

  it('refuses a timestamp that runs backwards, and takes an equal one', () => {
    const [state, update] = change([leaf(1)], [leaf(2)]);
    expect(verifyAuditorUpdate({ ...state, timestampMs: 5 }, update).timestampMs).toBe(5);
    expect(() => verifyAuditorUpdate({ ...state, timestampMs: 6 }, update)).toThrow(withCode('bad-timestamp'));
  });

  it('refuses a removal, even an honest one, and even of a leaf that is added again', () => {
    expect(() => verifyAuditorUpdate(...change([leaf(1), leaf(2)], [], [leaf(1)]))).toThrow(
      withCode('bad-auditor-update'),
    );
    expect(() => verifyAuditorUpdate(...change([leaf(1), leaf(2)], [leaf(1)], [leaf(1)]))).toThrow(
      withCode('bad-auditor-update'),
    );
  });

  it('refuses to add what is there, and leaves out of order or repeated', () => {
    expect(() => verifyAuditorUpdate(...change([leaf(1), leaf(2)], [leaf(1)]))).toThrow(withCode('bad-prefix-proof'));
    for (const added of [
      [leaf(4), leaf(3)],
      [leaf(3), leaf(3)],
    ]) {
      expect(() => verifyAuditorUpdate(...change([leaf(1)], added))).toThrow(withCode('bad-auditor-update'));
    }
  });

  it('refuses the proof of another tree', () => {
    const [state] = change([leaf(1), leaf(2)], []);
    const [, update] = change([leaf(1), leaf(9)], [leaf(3)]);
    expect(() => verifyAuditorUpdate(state, update)).toThrow(withCode('bad-auditor-update'));
  });
});
