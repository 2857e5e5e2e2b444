import type { NodeHasher } from './node-hasher.ts';
import { balancedNodes } from './tree-node.ts';
import { ensure } from '../errors.ts';

/**
 * A compact range that starts at leaf 0: all that appending to a left-balanced Merkle tree needs. It holds the tree's
 * size and the heads of its full subtrees, from left to right, largest first (KT §3.2; RFC 6962 §2.1 has the same
 * shape).
 */
export interface CompactRange {
  /** The number of leaves, 0..2^53-1. */
  readonly size: number;
  /** One head of 32 bytes for each bit set in `size`. */
  readonly heads: readonly Uint8Array[];
}

/** The tree without leaves. */
export const EMPTY_RANGE: CompactRange = { size: 0, heads: [] };

/** Builds a range from stored parts. Throws `value-out-of-range` unless it has one head for each bit set in `size`. */
export function compactRange(size: number, heads: readonly Uint8Array[]): CompactRange {
  const fits = heads.length === balancedNodes(0, size).length && heads.every((head) => head.length === 32);
  ensure(fits, 'value-out-of-range', `${heads.length} heads are not those of a tree of ${size} leaves`);
  return { size, heads };
}

/** Appends a leaf of value `leaf` to the range. An append hashes one parent on average. */
export function appendLeaf(range: CompactRange, leaf: Uint8Array, hasher: NodeHasher): CompactRange {
  const heads = range.heads.slice();
  let head = leaf;
  let level = 0;
  for (let rest = range.size; rest % 2 === 1; rest = (rest - 1) / 2) {
    head = hasher.parent(heads.pop() as Uint8Array, level, head, level);
    level++;
  }
  heads.push(head);
  return { size: range.size + 1, heads };
}

/** Computes the root of the tree; undefined for a tree without leaves. */
export function rangeRoot(range: CompactRange, hasher: NodeHasher): Uint8Array | undefined {
  const nodes = balancedNodes(0, range.size);
  return foldNodes(
    nodes.map((node, i) => ({ level: node.level, value: range.heads[i] as Uint8Array })),
    hasher,
  );
}

/**
 * Computes the head of the subtree that consecutive balanced subtrees make up, combining from the right. It works for
 * the whole tree and for any subtree on its right edge. Returns undefined for an empty list.
 */
export function foldNodes(
  nodes: readonly { readonly level: number; readonly value: Uint8Array }[],
  hasher: NodeHasher,
): Uint8Array | undefined {
  let head = nodes.at(-1);
  for (let i = nodes.length - 2; i >= 0 && head !== undefined; i--) {
    const left = nodes[i] as { level: number; value: Uint8Array };
    // Above the lowest pair, the right subtree is unbalanced and never a leaf, so its exact height does not matter.
    head = { level: left.level + 1, value: hasher.parent(left.value, left.level, head.value, head.level) };
  }
  return head?.value;
}
