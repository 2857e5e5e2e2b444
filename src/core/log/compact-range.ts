import type { NodeHasher } from './node-hasher.ts';
import { balancedNodes } from './tree-node.ts';
import { ensure } from '../errors.ts';

/**
 * The least that is needed to append to a left-balanced Merkle tree: its size and the heads of its full subtrees, from
 * left to right, largest first (KT §3.2; RFC 6962 §2.1 has the same shape).
 */
export interface CompactRange {
  /** Number of leaves, 0..2^53-1. */
  readonly size: number;
  /** One head of 32 bytes per bit that is set in `size`. */
  readonly heads: readonly Uint8Array[];
}

/** The tree without leaves. */
export const EMPTY_RANGE: CompactRange = { size: 0, heads: [] };

/** A range from parts that were stored. Throws `value-out-of-range` unless there are as many heads as `size` has bits. */
export function compactRange(size: number, heads: readonly Uint8Array[]): CompactRange {
  const fits = heads.length === balancedNodes(0, size).length && heads.every((head) => head.length === 32);
  ensure(fits, 'value-out-of-range', `${heads.length} heads are not those of a tree of ${size} leaves`);
  return { size, heads };
}

/** The range with one more leaf, whose value is `leaf`. One parent is hashed per append on average. */
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

/** The root of the tree, or undefined for a tree without leaves. */
export function rangeRoot(range: CompactRange, hasher: NodeHasher): Uint8Array | undefined {
  const nodes = balancedNodes(0, range.size);
  return foldNodes(
    nodes.map((node, i) => ({ level: node.level, value: range.heads[i] as Uint8Array })),
    hasher,
  );
}

/**
 * The head of the subtree that consecutive balanced subtrees make up: combines from the right. Works for the whole tree
 * and for any subtree on its right edge. Undefined for an empty list.
 */
export function foldNodes(
  nodes: readonly { readonly level: number; readonly value: Uint8Array }[],
  hasher: NodeHasher,
): Uint8Array | undefined {
  let head = nodes.at(-1);
  for (let i = nodes.length - 2; i >= 0 && head !== undefined; i--) {
    const left = nodes[i] as { level: number; value: Uint8Array };
    // Above the lowest pair the right subtree is unbalanced and in any case no leaf; its exact height does not matter.
    head = { level: left.level + 1, value: hasher.parent(left.value, left.level, head.value, head.level) };
  }
  return head?.value;
}
