import { compareBytes } from '../encoding/bytes.ts';
import type { PrefixLeaf } from '../keytrans/proofs.ts';
import { splitIndex } from './key-bits.ts';

/** Splits ascending leaves that share their first `depth` bits into those of the left and of the right child. */
export function splitLeaves(
  leaves: readonly PrefixLeaf[],
  depth: number,
): readonly [left: readonly PrefixLeaf[], right: readonly PrefixLeaf[]] {
  const middle = splitIndex((index) => (leaves[index] as PrefixLeaf).vrfOutput, 0, leaves.length, depth);
  return [leaves.slice(0, middle), leaves.slice(middle)];
}

/** Inserts one leaf into ascending `leaves`, in its place. */
export function insertSorted(leaves: readonly PrefixLeaf[], leaf: PrefixLeaf): readonly PrefixLeaf[] {
  const index = leaves.findIndex((other) => compareBytes(other.vrfOutput, leaf.vrfOutput) > 0);
  return leaves.toSpliced(index === -1 ? leaves.length : index, 0, leaf);
}

/** Returns true if leaves ascend strictly by VRF output, so that none occurs twice. */
export function areAscending(leaves: readonly PrefixLeaf[]): boolean {
  return leaves.every((leaf, index) => {
    const previous = leaves[index - 1];
    return previous === undefined || compareBytes(previous.vrfOutput, leaf.vrfOutput) < 0;
  });
}
