import { ensure } from '../errors.ts';

/**
 * The implicit binary search tree over the entries of a log (KT §4.1, Appendix A). All arithmetic is on integers up to
 * 2^53-1, without 32-bit shifts.
 */

/** Returns 2^level of entry `x`. Its level is its number of trailing one bits; leaves are level 0. */
function levelStep(x: number): number {
  let step = 1;
  let rest = x;
  while (rest % 2 === 1) {
    rest = (rest - 1) / 2;
    step *= 2;
  }
  return step;
}

function assertSize(size: number): void {
  ensure(Number.isSafeInteger(size) && size > 0, 'value-out-of-range', `log size ${size} is not in 1..2^53-1`);
}

function assertEntry(x: number, size: number): void {
  assertSize(size);
  ensure(Number.isSafeInteger(x) && x >= 0 && x < size, 'value-out-of-range', `entry ${x} is not in a log of ${size}`);
}

/** Returns the greatest power of two that is at most `n` (n >= 1). */
function powerAtMost(n: number): number {
  let power = 1;
  while (power <= n / 2) power *= 2;
  return power;
}

/** Returns the root entry of a log of `size` >= 1 entries: 2^floor(log2(size)) - 1. */
export function rootOf(size: number): number {
  assertSize(size);
  return powerAtMost(size) - 1;
}

/** Returns the left child of entry `x`; undefined if it has none (even entries). */
export function leftChild(x: number): number | undefined {
  const step = levelStep(x);
  return step === 1 ? undefined : x - step / 2;
}

/** Returns the right child of entry `x` in a log of `size` entries; undefined if it has none. */
export function rightChild(x: number, size: number): number | undefined {
  assertEntry(x, size);
  const step = levelStep(x);
  if (step === 1 || x === size - 1) return undefined;
  let child = x + step / 2;
  let childStep = step / 2;
  while (child >= size) {
    childStep /= 2;
    child -= childStep;
  }
  return child;
}

/**
 * Returns true if entry `x` is in the left subtree of entry `ancestor`: `ancestor` is on the direct path of `x` and to
 * its right. The result is the same in every log that has both entries.
 */
export function isInLeftSubtree(x: number, ancestor: number): boolean {
  return x < ancestor && x >= ancestor - (levelStep(ancestor) - 1);
}

/** Returns the path from the root of a log of `size` entries down to entry `x`, both included, root first. */
export function pathTo(x: number, size: number): number[] {
  assertEntry(x, size);
  const path = [rootOf(size)];
  for (;;) {
    const node = path[path.length - 1] as number;
    if (node === x) return path;
    const next = x < node ? leftChild(node) : rightChild(node, size);
    if (next === undefined) return path;
    path.push(next);
  }
}

/**
 * Returns the direct path of entry `x` (KT §3.1): its ancestors without `x` itself, the nearest first and the root
 * last.
 */
export function directPath(x: number, size: number): number[] {
  return pathTo(x, size).slice(0, -1).toReversed();
}

/**
 * Returns the frontier of a log of `size` >= 1 entries: the root, its right child, the right child of that, and so on.
 */
export function frontier(size: number): number[] {
  return pathTo(size - 1, size);
}

/** Returns the number of entries of the frontier of a log of `size` >= 1 entries: the one bits of `size`. */
export function frontierLength(size: number): number {
  assertSize(size);
  let length = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) length += rest % 2;
  return length;
}
