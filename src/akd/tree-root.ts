import { type AkdConfiguration, copyWords, DIGEST_BYTES, LABEL_BYTES, viewOf } from './akd-configuration.ts';
import { commonBits } from './ordered-nodes.ts';
import { LABEL_BITS } from './proof-nodes.ts';

/** Nodes of a tree, each with what its parent hashes of it. */
export interface TreeNodes {
  /** {@link LABEL_BYTES} of each node. */
  readonly labels: Uint8Array;
  /** `childBytes` of each node. */
  readonly children: DataView;
}

/**
 * Returns the published root hash of the tree that has exactly these nodes: a Patricia trie, in which every inner node
 * has two children, except that the root may lack one or both. The hash follows from the set alone. `order` names the
 * nodes from left to right; none may be above or below another, as `orderNodes` ensures.
 *
 * It keeps the subtrees that wait for their right neighbours on a stack. Their depths increase, so there are at most
 * 256 of them, and no recursion.
 */
export function treeRoot(
  configuration: AkdConfiguration,
  { labels, children }: TreeNodes,
  order: Uint32Array,
): Uint8Array {
  if (order.length === 0) return configuration.emptyRoot;
  const { childBytes } = configuration;
  const stack = new DataView(new ArrayBuffer((LABEL_BITS + 2) * childBytes));
  /** For each subtree on the stack: the depth at which it meets its right neighbour. */
  const depths = new Int32Array(LABEL_BITS + 2);
  const value = new DataView(new ArrayBuffer(DIGEST_BYTES));
  const label = new Uint8Array(LABEL_BYTES);
  const labelView = viewOf(label);
  let top = -1;
  for (let i = 0; i < order.length; i++) {
    const node = order[i] as number;
    copyWords(children, node * childBytes, stack, ++top * childBytes, childBytes);
    const depth = i + 1 === order.length ? -1 : commonBits(labels, node, order[i + 1] as number);
    while (top > 0 && (depths[top - 1] as number) > depth) {
      configuration.hashParent(stack, --top * childBytes, value, 0);
      if (depths[top] === 0) return configuration.rootHash(value);
      writePrefix(labels, node, depths[top] as number, label);
      configuration.writeChild(value, 0, labelView, 0, stack, top * childBytes);
    }
    depths[top] = depth;
  }
  return rootOfOne(configuration, stack, isOne(labels, order[0] as number));
}

/** Returns the root hash where all nodes are on one side of the root. */
function rootOfOne(configuration: AkdConfiguration, child: DataView, isRight: boolean): Uint8Array {
  const { childBytes, absentChild } = configuration;
  const both = new DataView(new ArrayBuffer(2 * childBytes));
  copyWords(absentChild, 0, both, isRight ? 0 : childBytes, childBytes);
  copyWords(child, 0, both, isRight ? childBytes : 0, childBytes);
  const value = new DataView(new ArrayBuffer(DIGEST_BYTES));
  configuration.hashParent(both, 0, value, 0);
  return configuration.rootHash(value);
}

function isOne(labels: Uint8Array, node: number): boolean {
  return (labels[node * LABEL_BYTES + 4] as number) >= 0x80;
}

/** Writes the first `bits` bits of a node's label as a label of its own. */
function writePrefix(labels: Uint8Array, node: number, bits: number, out: Uint8Array): void {
  const at = node * LABEL_BYTES + 4;
  const whole = bits >> 3;
  out[2] = bits >> 8;
  out[3] = bits & 0xff;
  for (let i = 0; i < whole; i++) out[4 + i] = labels[at + i] as number;
  out.fill(0, 4 + whole);
  if (bits % 8 !== 0) out[4 + whole] = (labels[at + whole] as number) & ~(0xff >> (bits % 8));
}
