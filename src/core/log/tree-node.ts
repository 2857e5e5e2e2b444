import { ensure } from '../errors.ts';

/**
 * The name of a balanced subtree's head. The subtree covers the leaves from `index * 2^level` up to, but not including,
 * `(index + 1) * 2^level`. Level 0 is a leaf.
 */
export interface TreeNode {
  readonly level: number;
  readonly index: number;
}

/**
 * Splits the leaves `start`..`end` (exclusive) into balanced subtrees, left to right: as few as possible, each aligned
 * to its own size. For `start` 0 these are the full subtrees of a tree of `end` leaves (KT §3.2), largest first. Throws
 * `value-out-of-range`.
 */
export function balancedNodes(start: number, end: number): TreeNode[] {
  ensure(Number.isSafeInteger(end) && start >= 0 && start <= end, 'value-out-of-range', 'not a range of leaves');
  const nodes: TreeNode[] = [];
  let from = start;
  while (from < end) {
    let level = 0;
    let width = 1;
    while (width * 2 <= end - from && from % (width * 2) === 0) {
      level++;
      width *= 2;
    }
    nodes.push({ level, index: from / width });
    from += width;
  }
  return nodes;
}

/**
 * Returns the largest power of two below `size`, which is at least 2. The root's left subtree ends there (RFC 6962
 * §2.1).
 */
export function splitPoint(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}
