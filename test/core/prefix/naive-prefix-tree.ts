import { createHash } from 'node:crypto';
import type { PrefixLeaf, PrefixProof, PrefixSearchResult } from '../../../src/core/keytrans/proofs.ts';

/** A prefix tree as a nested object, straight from KT §3.3: the model that the tiled tree is compared with. */
type Node = undefined | { leaf: PrefixLeaf } | { left: Node; right: Node };

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bit = (key: Uint8Array, depth: number): number => (key[Math.floor(depth / 8)]! >> (7 - (depth % 8))) & 1;

function build(leaves: readonly PrefixLeaf[], depth: number): Node {
  if (leaves.length === 0) return undefined;
  if (leaves.length === 1) return { leaf: leaves[0]! };
  const side = (wanted: number): PrefixLeaf[] => leaves.filter((leaf) => bit(leaf.vrfOutput, depth) === wanted);
  return { left: build(side(0), depth + 1), right: build(side(1), depth + 1) };
}

function hash(node: Node): Buffer {
  if (node === undefined) return Buffer.alloc(32);
  const parts =
    'leaf' in node
      ? [Buffer.from([2]), node.leaf.vrfOutput, node.leaf.commitment]
      : [Buffer.from([3]), hash(node.left), hash(node.right)];
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

/** Root of the tree that holds exactly `leaves`. */
export function naiveRoot(leaves: readonly PrefixLeaf[]): Uint8Array {
  return new Uint8Array(hash(build(leaves, 0)));
}

/** The proof for `keys` in the tree that holds exactly `leaves`. */
export function naiveProof(leaves: readonly PrefixLeaf[], keys: readonly Uint8Array[]): PrefixProof {
  const root = build(leaves, 0);
  const results = keys.map((key): PrefixSearchResult => {
    let node = root;
    let depth = 0;
    while (node !== undefined && !('leaf' in node)) node = bit(key, depth++) === 0 ? node.left : node.right;
    if (node === undefined) return { type: 'nonInclusionParent', depth };
    return hex(node.leaf.vrfOutput) === hex(key)
      ? { type: 'inclusion', depth }
      : { type: 'nonInclusionLeaf', leaf: node.leaf, depth };
  });
  const elements: Uint8Array[] = [];
  const walk = (node: Node, within: readonly Uint8Array[], depth: number): void => {
    if (within.length === 0) elements.push(new Uint8Array(hash(node)));
    else if (node !== undefined && !('leaf' in node)) {
      walk(
        node.left,
        within.filter((key) => bit(key, depth) === 0),
        depth + 1,
      );
      walk(
        node.right,
        within.filter((key) => bit(key, depth) === 1),
        depth + 1,
      );
    }
  };
  walk(root, keys, 0);
  return { results, elements };
}
