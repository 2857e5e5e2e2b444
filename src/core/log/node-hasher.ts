import { sha256 } from '../crypto/sha256.ts';

/** Combines two nodes of a Merkle tree over a log's entries. Both of Glasskey's log trees are left-balanced. */
export interface NodeHasher {
  /**
   * Computes the value of the parent of two nodes, 32 bytes. `leftLevel` and `rightLevel` are the heights of the two
   * subtrees: 0 for a leaf. At the right edge of a tree, the right subtree can be lower than the left one.
   */
  parent(left: Uint8Array, leftLevel: number, right: Uint8Array, rightLevel: number): Uint8Array;
}

const content = new Uint8Array(66);

/**
 * The KEYTRANS log tree's hashing (KT §11.8): `Hash(hashContent(left) || hashContent(right))`, where hashContent puts
 * 0x00 before a leaf's value and 0x01 before a parent's.
 */
export const keytransNodeHasher: NodeHasher = {
  parent(left, leftLevel, right, rightLevel) {
    content[0] = leftLevel === 0 ? 0 : 1;
    content.set(left, 1);
    content[33] = rightLevel === 0 ? 0 : 1;
    content.set(right, 34);
    return sha256(content);
  },
};
