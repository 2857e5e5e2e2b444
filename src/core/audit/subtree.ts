import { equalBytes } from '../encoding/bytes.ts';
import { ensure } from '../errors.ts';
import { splitPoint } from '../log/tree-node.ts';
import { nodeHash, verifyInclusion } from './rfc6962.ts';

/**
 * A subtree of a log's RFC 6962 tree: the Merkle tree of the leaves `start`..`end` (exclusive) alone
 * (draft-ietf-plants-merkle-tree-certs §4.1). It stays the same while the log grows.
 */
export interface Subtree {
  /** 0..2^53-1, and a multiple of the least power of two that is not below `end - start`. */
  readonly start: number;
  /** Above `start`, at most 2^53-1. */
  readonly end: number;
  /** The root of the subtree, 32 bytes. */
  readonly hash: Uint8Array;
}

/**
 * Returns true if the untrusted numbers `start`..`end` (exclusive) are those of a {@link Subtree}
 * (draft-ietf-plants-merkle-tree-certs-03 §4.1). Later drafts admit empty subtrees too. They say nothing about any
 * log, so this refuses them.
 */
export function isSubtreeRange(start: number, end: number): boolean {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end <= start) return false;
  let width = 1;
  while (width < end - start) width *= 2;
  return start % width === 0;
}

/**
 * Verifies that `leaf` (32 bytes) is leaf `index` of the log, and in the subtree
 * (draft-ietf-plants-merkle-tree-certs §4.3). All arguments are untrusted. Throws `bad-log-proof`.
 */
export function verifySubtreeInclusion(
  index: number,
  { start, end, hash }: Subtree,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): void {
  ensure(isSubtreeRange(start, end), 'bad-log-proof', 'the range is not that of a subtree');
  verifyInclusion(index - start, end - start, leaf, proof, hash);
}

/**
 * Verifies that the leaves of the subtree are the leaves `start`..`end` of the tree of `size` leaves with `root`
 * (draft-ietf-plants-merkle-tree-certs §4.4). For `start` 0 the proof is that of RFC 6962 §2.1.2. All arguments are
 * untrusted. Throws `bad-log-proof` unless the proof has exactly the expected number of hashes.
 */
export function verifySubtreeConsistency(
  { start, end, hash }: Subtree,
  size: number,
  root: Uint8Array,
  proof: readonly Uint8Array[],
): void {
  const isInTree = isSubtreeRange(start, end) && Number.isSafeInteger(size) && end <= size;
  ensure(isInTree, 'bad-log-proof', 'the range is not that of a subtree of this tree');
  const steps = stepsToSubtree(start, end, size);
  // A subtree that is a node of the tree is where the proof begins. Any other shares a node of the tree at its right
  // edge, which the proof then names first.
  const isNode = !steps.includes('across');
  const hashes = isNode ? [hash, ...proof] : proof;
  const areHashes = hashes.length === steps.length + 1 && hashes.every((one) => one.length === 32);
  ensure(areHashes, 'bad-log-proof', `expected ${steps.length + (isNode ? 0 : 1)} hashes of 32 bytes`);
  const implied = climb(steps, hashes as readonly [Uint8Array, ...Uint8Array[]]);
  ensure(equalBytes(implied.hash, hash), 'bad-log-proof', 'the proof leads to another subtree');
  ensure(equalBytes(implied.root, root), 'bad-log-proof', 'the proof leads to another root');
}

/**
 * The way from a node of the tree down to a child: to the left one, to the right one, or to the right one of a node
 * whose left child the subtree has whole.
 */
type Step = 'left' | 'right' | 'across';

/** Returns the steps from the root to the lowest node that has all that is left of the subtree, and no more. */
function stepsToSubtree(start: number, end: number, size: number): Step[] {
  const steps: Step[] = [];
  let [from, to, width] = [start, end, size];
  while (from > 0 || to < width) {
    const split = splitPoint(width);
    const step = to <= split ? 'left' : from >= split ? 'right' : 'across';
    steps.push(step);
    width = step === 'left' ? split : width - split;
    if (step === 'left') continue;
    // A subtree that reaches across begins where the node begins: its start is a multiple of more than its width.
    from = step === 'right' ? from - split : 0;
    to -= split;
  }
  return steps;
}

/** Computes the two hashes to which a proof leads, whose first hash is that of the lowest node. */
function climb(
  steps: readonly Step[],
  [first, ...siblings]: readonly [Uint8Array, ...Uint8Array[]],
): { readonly hash: Uint8Array; readonly root: Uint8Array } {
  let [hash, root] = [first, first];
  siblings.forEach((sibling, i) => {
    const step = steps[steps.length - 1 - i];
    hash = step === 'across' ? nodeHash(sibling, hash) : hash;
    root = step === 'left' ? nodeHash(root, sibling) : nodeHash(sibling, root);
  });
  return { hash, root };
}
