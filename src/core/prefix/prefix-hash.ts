import { HASH_LENGTH, sha256 } from '../crypto/sha256.ts';

/** The value of a missing node, and the root of an empty tree (KT §11.9). Never written to. */
export const ABSENT_HASH: Uint8Array = new Uint8Array(HASH_LENGTH);

// One input buffer per node type, refilled for each hash: a batch computes thousands, and nothing keeps the buffer.
const leafInput = new Uint8Array(1 + 2 * HASH_LENGTH);
leafInput[0] = 0x02;
const parentInput = new Uint8Array(1 + 2 * HASH_LENGTH);
parentInput[0] = 0x03;

/** Computes the value of a leaf: `Hash(0x02 || vrf_output || commitment)` (KT §11.9). Both inputs are 32 bytes. */
export function hashPrefixLeaf(vrfOutput: Uint8Array, commitment: Uint8Array): Uint8Array {
  leafInput.set(vrfOutput, 1);
  leafInput.set(commitment, 1 + HASH_LENGTH);
  return sha256(leafInput);
}

/**
 * Computes the value of a parent: `Hash(0x03 || left || right)`, with {@link ABSENT_HASH} for a missing child (KT
 * §11.9).
 */
export function hashPrefixParent(left: Uint8Array, right: Uint8Array): Uint8Array {
  parentInput.set(left, 1);
  parentInput.set(right, 1 + HASH_LENGTH);
  return sha256(parentInput);
}
