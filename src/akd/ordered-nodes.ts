import { ensure } from '../core/errors.ts';
import { DIGEST_BYTES, LABEL_BYTES } from './akd-configuration.ts';
import { LABEL_BITS, labelBits, type ProofNodes } from './proof-nodes.ts';

/** Most nodes that {@link orderNodes} can sort: its keys are exact in 53 bits. */
export const MAX_SORTED_NODES = 2 ** 22;

/**
 * Returns the nodes of a proof in the order of the tree, from left to right. Throws `bad-auditor-update` unless
 *
 * - every label has 1 to 256 bits, and zeros after them;
 * - every inserted label has all 256 bits;
 * - no label is equal to another or begins with another: nothing is inserted below, above or in place of an unchanged
 *   node, and nothing twice.
 */
export function orderNodes(nodes: ProofNodes): Uint32Array {
  const { labels, count, inserted } = nodes;
  for (let node = 0; node < count; node++) {
    const bits = labelBits(labels, node);
    ensure(
      node >= inserted || bits === LABEL_BITS,
      'bad-auditor-update',
      `an inserted label has ${bits} bits, not 256`,
    );
    ensure(bits > 0, 'bad-auditor-update', 'the label of an unchanged node is empty: it would be the whole tree');
    ensure(hasZerosAfter(labels, node, bits), 'bad-auditor-update', 'a label has bits after its length');
  }
  const order = sortLabels(labels, count);
  for (let i = 1; i < count; i++) assertApart(labels, order[i - 1] as number, order[i] as number);
  return order;
}

function hasZerosAfter(labels: Uint8Array, node: number, bits: number): boolean {
  const at = node * LABEL_BYTES + 4;
  const whole = bits >> 3;
  if (bits % 8 !== 0 && ((labels[at + whole] as number) & (0xff >> (bits % 8))) !== 0) return false;
  for (let i = whole + (bits % 8 === 0 ? 0 : 1); i < DIGEST_BYTES; i++) if (labels[at + i] !== 0) return false;
  return true;
}

/**
 * In this order a label is right before the first one that begins with it, so neighbours are all that need to be
 * compared.
 */
function assertApart(labels: Uint8Array, left: number, right: number): void {
  const shorter = Math.min(labelBits(labels, left), labelBits(labels, right));
  const isApart = commonBits(labels, left, right) < shorter;
  ensure(isApart, 'bad-auditor-update', 'a node of the proof is above or below another, or there twice');
}

/** Returns with how many equal bits two labels begin, 256 at most; bits after a label's length count as zeros. */
export function commonBits(labels: Uint8Array, a: number, b: number): number {
  const [atA, atB] = [a * LABEL_BYTES + 4, b * LABEL_BYTES + 4];
  for (let i = 0; i < DIGEST_BYTES; i++) {
    const different = (labels[atA + i] as number) ^ (labels[atB + i] as number);
    if (different !== 0) return 8 * i + Math.clz32(different) - 24;
  }
  return LABEL_BITS;
}

/** Sorts by the first 31 bits as numbers, which needs no comparing function, and then what is equal there. */
function sortLabels(labels: Uint8Array, count: number): Uint32Array {
  ensure(count <= MAX_SORTED_NODES, 'usage', `at most ${MAX_SORTED_NODES} nodes of a proof can be sorted`);
  const keys = new Float64Array(count);
  for (let node = 0; node < count; node++) keys[node] = firstBits(labels, node) * MAX_SORTED_NODES + node;
  keys.sort();
  const order = Uint32Array.from(keys, (key) => key % MAX_SORTED_NODES);
  for (let start = 0; start < count;) {
    let end = start + 1;
    const first = firstBits(labels, order[start] as number);
    while (end < count && firstBits(labels, order[end] as number) === first) end++;
    if (end - start > 1) order.subarray(start, end).sort((a, b) => compareLabels(labels, a, b));
    start = end;
  }
  return order;
}

function firstBits(labels: Uint8Array, node: number): number {
  const at = node * LABEL_BYTES + 4;
  const [a, b] = [labels[at] as number, labels[at + 1] as number];
  const [c, d] = [labels[at + 2] as number, labels[at + 3] as number];
  return ((a << 23) | (b << 15) | (c << 7) | (d >> 1)) >>> 0;
}

function compareLabels(labels: Uint8Array, a: number, b: number): number {
  const [atA, atB] = [a * LABEL_BYTES + 4, b * LABEL_BYTES + 4];
  for (let i = 0; i < DIGEST_BYTES; i++) {
    const difference = (labels[atA + i] as number) - (labels[atB + i] as number);
    if (difference !== 0) return difference;
  }
  return labelBits(labels, a) - labelBits(labels, b);
}
