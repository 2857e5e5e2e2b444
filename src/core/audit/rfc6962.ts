import { sha256 } from '../crypto/sha256.ts';
import { equalBytes } from '../encoding/bytes.ts';
import { ensure } from '../errors.ts';
import type { NodeHasher } from '../log/node-hasher.ts';
import { splitPoint } from '../log/tree-node.ts';

const node = new Uint8Array(65);
node[0] = 1;

/** Returns the root of a tree without leaves: SHA-256 of the empty string (RFC 6962 §2.1). */
export function emptyRoot(): Uint8Array {
  return sha256(new Uint8Array());
}

/** Hashes a log entry: SHA-256(0x00 || entry) (RFC 6962 §2.1). */
export function leafHash(entry: Uint8Array): Uint8Array {
  const leaf = new Uint8Array(entry.length + 1);
  leaf.set(entry, 1);
  return sha256(leaf);
}

/** Hashes two subtrees: SHA-256(0x01 || left || right) (RFC 6962 §2.1). Each has 32 bytes. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  node.set(left, 1);
  node.set(right, 33);
  return sha256(node);
}

/** RFC 6962's hashing for the trees of `core/log`. The height of a subtree does not matter. */
export const rfc6962NodeHasher: NodeHasher = {
  parent: (left, _leftLevel, right) => nodeHash(left, right),
};

/**
 * Computes the root that an inclusion proof implies for the leaf `index` of a tree of `size` leaves (RFC 6962 §2.1.1).
 * `proof` is untrusted and runs from the leaf's sibling up to the root's child. Throws `bad-log-proof` unless it has
 * exactly the expected number of hashes.
 */
export function evaluateInclusion(
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): Uint8Array {
  const inTree = Number.isSafeInteger(index) && Number.isSafeInteger(size) && index >= 0 && index < size;
  ensure(inTree, 'bad-log-proof', 'the leaf is not in a tree of this size');
  const path = pathToLeaf(index, size);
  assertHashes([leaf, ...proof], path.length + 1);
  return proof.reduce((head, sibling, i) => {
    const isRight = path[path.length - 1 - i] as boolean;
    return isRight ? nodeHash(sibling, head) : nodeHash(head, sibling);
  }, leaf);
}

/**
 * Verifies that `leaf` is leaf `index` of the tree with `root`. All arguments are untrusted. Throws `bad-log-proof`.
 */
export function verifyInclusion(
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): void {
  const implied = evaluateInclusion(index, size, leaf, proof);
  ensure(equalBytes(implied, root), 'bad-log-proof', 'the inclusion proof leads to another root');
}

/**
 * Verifies that the tree of `newSize` leaves with `newRoot` begins with the tree of `oldSize` leaves with `oldRoot`
 * (RFC 6962 §2.1.2). Every tree begins with the empty tree, so that one has no proof and `oldSize` 0 is refused. All
 * arguments are untrusted. Throws `bad-log-proof`.
 */
export function verifyConsistency(
  oldSize: number,
  newSize: number,
  oldRoot: Uint8Array,
  newRoot: Uint8Array,
  proof: readonly Uint8Array[],
): void {
  const ordered = Number.isSafeInteger(newSize) && Number.isSafeInteger(oldSize) && oldSize >= 1 && oldSize <= newSize;
  ensure(ordered, 'bad-log-proof', 'the sizes are not those of an older and a newer tree');
  if (oldSize === newSize) {
    ensure(proof.length === 0 && equalBytes(oldRoot, newRoot), 'bad-log-proof', 'two roots for one size');
    return;
  }
  // If the old tree is a subtree of the new one, its root is not in the proof (RFC 6962: b = true).
  const isSubtree = pathToOldTree(oldSize, newSize).every((goesRight) => !goesRight);
  const implied = evaluateConsistency(oldSize, newSize, isSubtree ? [oldRoot, ...proof] : proof);
  ensure(equalBytes(implied.oldRoot, oldRoot), 'bad-log-proof', 'the consistency proof leads to another old root');
  ensure(equalBytes(implied.newRoot, newRoot), 'bad-log-proof', 'the consistency proof leads to another new root');
}

/**
 * Computes the two roots that a consistency proof implies for trees of `oldSize` and `newSize` leaves, 0 < oldSize <
 * newSize. The untrusted `hashes` are a proof of RFC 6962 §2.1.2 that always begins with the head of the old tree's
 * last full subtree. If the old tree is itself a subtree of the new one, that head is its root. Throws `bad-log-proof`
 * for another number of hashes.
 */
export function evaluateConsistency(
  oldSize: number,
  newSize: number,
  hashes: readonly Uint8Array[],
): { readonly oldRoot: Uint8Array; readonly newRoot: Uint8Array } {
  const path = pathToOldTree(oldSize, newSize);
  assertHashes(hashes, path.length + 1);
  const [start, ...siblings] = hashes as readonly [Uint8Array, ...Uint8Array[]];
  let [oldRoot, newRoot] = [start, start];
  siblings.forEach((sibling, i) => {
    const goesRight = path[path.length - 1 - i] as boolean;
    oldRoot = goesRight ? nodeHash(sibling, oldRoot) : oldRoot;
    newRoot = goesRight ? nodeHash(sibling, newRoot) : nodeHash(newRoot, sibling);
  });
  return { oldRoot, newRoot };
}

/** Returns the path from the root to a leaf: for each parent, true if the path continues to the right. */
function pathToLeaf(index: number, size: number): boolean[] {
  const path: boolean[] = [];
  let [rest, width] = [index, size];
  while (width > 1) {
    const split = splitPoint(width);
    const isRight = rest >= split;
    path.push(isRight);
    rest = isRight ? rest - split : rest;
    width = isRight ? width - split : split;
  }
  return path;
}

/** Returns the path from the new root to the subtree that ends where the old tree ends. */
function pathToOldTree(oldSize: number, newSize: number): boolean[] {
  const path: boolean[] = [];
  let [rest, width] = [oldSize, newSize];
  while (rest < width) {
    const split = splitPoint(width);
    const isRight = rest > split;
    path.push(isRight);
    rest = isRight ? rest - split : rest;
    width = isRight ? width - split : split;
  }
  return path;
}

function assertHashes(hashes: readonly Uint8Array[], count: number): void {
  const areHashes = hashes.length === count && hashes.every((hash) => hash.length === 32);
  ensure(areHashes, 'bad-log-proof', `expected ${count} hashes of 32 bytes`);
}
