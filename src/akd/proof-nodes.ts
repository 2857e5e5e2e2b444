import { decodeError, ensure } from '../core/errors.ts';
import { DIGEST_BYTES, LABEL_BYTES } from './akd-configuration.ts';
import { bytesTag, ProtobufCursor, varintTag } from './protobuf-cursor.ts';

/** The bits of a full label. */
export const LABEL_BITS = 8 * DIGEST_BYTES;

/** The nodes of a proof, as three columns: the inserted ones first, then the unchanged ones. */
export interface ProofNodes {
  readonly inserted: number;
  /** All nodes. */
  readonly count: number;
  /** {@link LABEL_BYTES} of each node, as AKD hashes a label: its length in bits, then its bytes padded with zeros. */
  readonly labels: Uint8Array;
  /** {@link DIGEST_BYTES} of each node: the commitment of an inserted one, the hash of an unchanged one. */
  readonly values: Uint8Array;
}

const INSERTED = bytesTag(1);
const UNCHANGED = bytesTag(2);

/**
 * Decodes the untrusted message `SingleAppendOnlyProof` (`akd_core`, `types.proto`): field 1 has the inserted nodes,
 * field 2 the unchanged ones, each an `AzksElement`. It counts the nodes before it allocates for them. Throws
 * `malformed-encoding` for anything that these messages do not define: an unknown field, one that is missing or there
 * twice, a wrong length, a number in a longer form. Fields may come in any order. Throws `usage` above `maxNodes`.
 */
export function decodeProofNodes(bytes: Uint8Array, maxNodes: number): ProofNodes {
  const { inserted, count } = countNodes(bytes, maxNodes);
  const nodes = {
    inserted,
    count,
    labels: new Uint8Array(count * LABEL_BYTES),
    values: new Uint8Array(count * DIGEST_BYTES),
  };
  const cursor = new ProtobufCursor(bytes);
  const next = { inserted: 0, unchanged: inserted };
  while (cursor.position < bytes.length) {
    const tag = cursor.varint(bytes.length);
    const end = cursor.fieldEnd(bytes.length);
    readElement(cursor, end, bytes, nodes, tag === INSERTED ? next.inserted++ : next.unchanged++);
    cursor.assertAt(end);
  }
  return nodes;
}

function countNodes(bytes: Uint8Array, maxNodes: number): { readonly inserted: number; readonly count: number } {
  const cursor = new ProtobufCursor(bytes);
  let inserted = 0;
  let count = 0;
  while (cursor.position < bytes.length) {
    const tag = cursor.varint(bytes.length);
    if (tag !== INSERTED && tag !== UNCHANGED) throw unknownField('proof');
    if (tag === INSERTED) inserted++;
    count++;
    cursor.position = cursor.fieldEnd(bytes.length);
  }
  ensure(count <= maxNodes, 'usage', `the proof has ${count} nodes: more than --max-nodes ${maxNodes}`);
  return { inserted, count };
}

/** Reads `AzksElement`: `optional NodeLabel label = 1`, `optional bytes value = 2`; here both are required. */
function readElement(cursor: ProtobufCursor, end: number, bytes: Uint8Array, nodes: ProofNodes, index: number): void {
  let hasLabel = false;
  let hasValue = false;
  while (cursor.position < end) {
    const tag = cursor.varint(end);
    const fieldEnd = cursor.fieldEnd(end);
    if (tag === bytesTag(1)) {
      assertOnce(hasLabel, 'label');
      readLabel(cursor, fieldEnd, bytes, nodes.labels, index * LABEL_BYTES);
      hasLabel = true;
    } else if (tag === bytesTag(2)) {
      assertOnce(hasValue, 'value');
      if (fieldEnd - cursor.position !== DIGEST_BYTES) throw decodeError('the value of a node is not 32 bytes');
      copyField(cursor, fieldEnd, bytes, nodes.values, index * DIGEST_BYTES);
      hasValue = true;
    } else throw unknownField('node');
    cursor.assertAt(fieldEnd);
  }
  if (!hasLabel || !hasValue) throw decodeError('a node of the proof lacks its label or its value');
}

/**
 * Reads `NodeLabel`: `optional bytes label_val = 1`, written without trailing zero bytes, and
 * `optional uint32 label_len = 2`, in bits; here both are required.
 */
function readLabel(cursor: ProtobufCursor, end: number, bytes: Uint8Array, labels: Uint8Array, at: number): void {
  let hasBytes = false;
  let bits: number | undefined;
  while (cursor.position < end) {
    const tag = cursor.varint(end);
    if (tag === bytesTag(1)) {
      assertOnce(hasBytes, 'label_val');
      const fieldEnd = cursor.fieldEnd(end);
      if (fieldEnd - cursor.position > DIGEST_BYTES) throw decodeError('a label is longer than 32 bytes');
      copyField(cursor, fieldEnd, bytes, labels, at + 4);
      hasBytes = true;
    } else if (tag === varintTag(2)) {
      assertOnce(bits !== undefined, 'label_len');
      bits = cursor.varint(end);
    } else throw unknownField('label');
  }
  if (!hasBytes || bits === undefined) throw decodeError('a label of the proof lacks its bytes or its length');
  if (bits > LABEL_BITS) throw decodeError(`a label is longer than ${LABEL_BITS} bits`);
  labels[at + 2] = bits >> 8;
  labels[at + 3] = bits & 0xff;
}

function copyField(cursor: ProtobufCursor, end: number, bytes: Uint8Array, to: Uint8Array, at: number): void {
  for (let i = at; cursor.position < end; i++) to[i] = bytes[cursor.position++] as number;
}

function assertOnce(isThere: boolean, field: string): void {
  if (isThere) throw decodeError(`the field ${field} is there twice`);
}

function unknownField(message: string): Error {
  return decodeError(`a ${message} of the proof has a field that AKD does not define`);
}

/** Returns the length in bits of the label of a node. */
export function labelBits(labels: Uint8Array, node: number): number {
  const at = node * LABEL_BYTES;
  return ((labels[at + 2] as number) << 8) | (labels[at + 3] as number);
}
