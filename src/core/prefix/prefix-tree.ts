import { HASH_LENGTH } from '../crypto/sha256.ts';
import { compareBytes } from '../encoding/bytes.ts';
import { ensure } from '../errors.ts';
import type { PrefixLeaf, PrefixProof, PrefixSearchResult } from '../keytrans/proofs.ts';
import { KEY_LENGTH } from './key-bits.ts';
import { type NamedTile, PathGrowth } from './path-growth.ts';
import { proveFromPaths } from './path-proof.ts';
import { ABSENT_HASH } from './prefix-hash.ts';
import { areAscending } from './sorted-leaves.ts';
import type { TileName } from './tile-name.ts';
import { fetchPaths, type TileRequests } from './tile-paths.ts';

/** The greatest number of lookups in one PrefixProof, and so of leaves that one log entry adds (KT §12.2). */
export const MAX_LOOKUPS = 255;

/** One version of the prefix tree: its root value, and the tile that holds the root. */
export interface PrefixRoot {
  /** 32 bytes; all-zero for an empty tree. */
  readonly hash: Uint8Array;
  /** Undefined if and only if the tree is empty. */
  readonly tile: TileName | undefined;
}

/** The tree without leaves. */
export const EMPTY_PREFIX_ROOT: PrefixRoot = { hash: ABSENT_HASH, tile: undefined };

/** The result of an insertion. The old tree does not change: its root still leads to all of it. */
export interface PrefixInsertion {
  readonly root: PrefixRoot;
  /** The new tiles, all named after the log entry; empty if nothing was added. */
  readonly tiles: readonly NamedTile[];
  /** The batch lookup of the added keys in the old tree, as an AuditorUpdate carries it (KT §15.2). */
  readonly proof: PrefixProof;
}

/**
 * Proves what a version of the tree holds for each of `keys` (KT §12.2): any order, repetitions allowed, at most 255.
 * Results come in the order of `keys`; without keys, the proof is the root alone. Tiles are untrusted. Throws
 * `storage-corrupt` if a tile is not the one referred to, `value-out-of-range` for too many keys or a wrong length.
 */
export function* provePrefixLookups(root: PrefixRoot, keys: readonly Uint8Array[]): TileRequests<PrefixProof> {
  ensure(keys.length <= MAX_LOOKUPS, 'value-out-of-range', `${keys.length} lookups in one proof`);
  for (const key of keys) assertLength(key, KEY_LENGTH);
  const order = keys.map((key, index) => ({ key, index })).sort((a, b) => compareBytes(a.key, b.key));
  const sorted = order.map(({ key }) => key);
  const proof = yield* proveSorted(root, sorted);
  const results: PrefixSearchResult[] = proof.results.slice();
  order.forEach(({ index }, rank) => (results[index] = proof.results[rank] as PrefixSearchResult));
  return { results, elements: proof.elements };
}

/**
 * Adds leaves (strictly ascending by VRF output, at most 255) to a version of the tree, in the log entry `position` (KT
 * §3.3). Without leaves, the root stays the same. With `writesDeltas`, new versions of tiles are stored as their
 * changes (tile-delta.ts), which programs that know format 1 cannot read. Tiles are untrusted. Throws
 * `prefix-key-exists` if the tree already has a key, and `storage-corrupt` if a tile is not the one referred to. Throws
 * `value-out-of-range` for bad arguments, and for two keys that differ only in their last bit.
 */
export function* insertPrefixLeaves(
  root: PrefixRoot,
  added: readonly PrefixLeaf[],
  position: number,
  writesDeltas = false,
): TileRequests<PrefixInsertion> {
  assertAddable(added);
  const keys = added.map(({ vrfOutput }) => vrfOutput);
  if (root.tile === undefined || keys.length === 0) {
    const proof = proveTrivially(root, keys.length);
    if (keys.length === 0) return { root, tiles: [], proof };
    const growth = new PathGrowth(position, writesDeltas);
    return { root: growth.plant(added), tiles: growth.tiles, proof };
  }
  const paths = yield* fetchPaths({ hash: root.hash, tile: root.tile }, keys);
  const proof = proveFromPaths(paths, keys);
  const absent = proof.results.every(({ type }) => type !== 'inclusion');
  ensure(absent, 'prefix-key-exists', 'a search key is already in the prefix tree');
  const growth = new PathGrowth(position, writesDeltas);
  return { root: growth.grow(paths, added), tiles: growth.tiles, proof };
}

function* proveSorted(root: PrefixRoot, keys: readonly Uint8Array[]): TileRequests<PrefixProof> {
  if (root.tile === undefined || keys.length === 0) return proveTrivially(root, keys.length);
  const paths = yield* fetchPaths({ hash: root.hash, tile: root.tile }, keys);
  return proveFromPaths(paths, keys);
}

/** Returns the proof that needs no descent: without keys (the root alone), or in an empty tree (a stand-in as root). */
function proveTrivially(root: PrefixRoot, count: number): PrefixProof {
  if (count === 0) return { results: [], elements: [root.hash] };
  return { results: Array.from({ length: count }, () => ({ type: 'nonInclusionParent', depth: 0 })), elements: [] };
}

function assertAddable(added: readonly PrefixLeaf[]): void {
  ensure(added.length <= MAX_LOOKUPS, 'value-out-of-range', `${added.length} leaves in one log entry`);
  for (const { vrfOutput, commitment } of added) {
    assertLength(vrfOutput, KEY_LENGTH);
    assertLength(commitment, HASH_LENGTH);
  }
  ensure(areAscending(added), 'value-out-of-range', 'added leaves are not strictly ascending');
}

function assertLength(value: Uint8Array, length: number): void {
  ensure(value.length === length, 'value-out-of-range', `expected ${length} bytes, got ${value.length}`);
}
