import { encodeUtf8 } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { ShortBlake3 } from './short-blake3.ts';

/** Bytes of a hash, a node's value and a label without its length. */
export const DIGEST_BYTES = 32;

/** AKD hashes a label in so many bytes. They are its length in bits (big-endian uint32), and its bits with zeros. */
export const LABEL_BYTES = 4 + DIGEST_BYTES;

/**
 * The hashes of one AKD configuration (`akd_core::configuration`). They work at offsets of large buffers, since a proof
 * has a million nodes. They are not reentrant.
 */
export interface AkdConfiguration {
  /** The name of the configuration, and of its domain label if it has one. */
  readonly name: string;
  /** Bytes that a parent hashes of each child. */
  readonly childBytes: number;
  /** The bytes that the root hashes in place of a child that is missing, {@link childBytes} long. */
  readonly absentChild: DataView;
  /** The published hash of the tree without a leaf. */
  readonly emptyRoot: Uint8Array;
  /** Replaces a commitment at `at` by the leaf's value, which also hashes the epoch that inserted it. */
  hashLeaf(values: DataView, at: number, epoch: number): void;
  /** Writes what a parent hashes of the child with the value at `valueAt` and the label at `labelAt`. */
  writeChild(values: DataView, valueAt: number, labels: DataView, labelAt: number, out: DataView, at: number): void;
  /** Writes the value of the parent of two children, which are next to each other at `at`. */
  hashParent(children: DataView, at: number, out: DataView, outAt: number): void;
  /** Returns the published hash of a tree whose root node has this value. */
  rootHash(value: DataView): Uint8Array;
}

/** The label of a missing child: no bits, and bytes that no real label has. */
function absentLabel(value: Uint8Array): DataView {
  const label = new Uint8Array(LABEL_BYTES);
  label.set(value, 4);
  return viewOf(label);
}

/** Returns `WhatsAppV1Configuration`, the configuration of WhatsApp's published logs. */
export function whatsAppConfiguration(): AkdConfiguration {
  const blake3 = new ShortBlake3(2 * DIGEST_BYTES);
  const { input } = blake3;
  const writeChild: AkdConfiguration['writeChild'] = (values, valueAt, labels, labelAt, out, at) => {
    copyWords(labels, labelAt, input, 0, LABEL_BYTES);
    blake3.hash(LABEL_BYTES, input, DIGEST_BYTES);
    copyWords(values, valueAt, input, 0, DIGEST_BYTES);
    blake3.hash(2 * DIGEST_BYTES, out, at);
  };
  const rootHash = (value: DataView): Uint8Array => {
    const hash = new Uint8Array(DIGEST_BYTES);
    writeChild(value, 0, emptyView(LABEL_BYTES), 0, viewOf(hash), 0);
    return hash;
  };
  const emptyValue = emptyView(DIGEST_BYTES);
  blake3.hash(1, emptyValue, 0);
  const absentValue = emptyView(DIGEST_BYTES);
  const label = absentLabel(new Uint8Array(DIGEST_BYTES).fill(1));
  writeChild(emptyValue, 0, label, 0, absentValue, 0);
  const absentChild = emptyView(DIGEST_BYTES);
  writeChild(absentValue, 0, label, 0, absentChild, 0);
  return {
    name: 'whatsapp',
    childBytes: DIGEST_BYTES,
    absentChild,
    emptyRoot: rootHash(emptyValue),
    hashLeaf: (values, at, epoch) => hashLeaf(blake3, 0, values, at, epoch),
    writeChild,
    hashParent: (children, at, out, outAt) => {
      copyWords(children, at, input, 0, 2 * DIGEST_BYTES);
      blake3.hash(2 * DIGEST_BYTES, out, outAt);
    },
    rootHash,
  };
}

/** Most bytes of a domain label. */
const MAX_DOMAIN_BYTES = 256;

/**
 * Returns `ExperimentalConfiguration`, whose every hash begins with the domain label of the application. Throws `usage`
 * for a label of more than 256 bytes.
 */
export function experimentalConfiguration(domainLabel: string): AkdConfiguration {
  const domain = encodeUtf8(domainLabel);
  ensure(domain.length <= MAX_DOMAIN_BYTES, 'usage', `a domain label has at most ${MAX_DOMAIN_BYTES} bytes`);
  const childBytes = DIGEST_BYTES + LABEL_BYTES;
  const start = domain.length;
  const blake3 = new ShortBlake3(start + 2 * childBytes);
  domain.forEach((byte, i) => blake3.input.setUint8(i, byte));
  const absentChild = emptyView(childBytes);
  copyWords(absentLabel(Uint8Array.of(1)), 0, absentChild, DIGEST_BYTES, LABEL_BYTES);
  return {
    name: `experimental, domain label ${JSON.stringify(domainLabel)}`,
    childBytes,
    absentChild,
    emptyRoot: new Uint8Array(DIGEST_BYTES),
    hashLeaf: (values, at, epoch) => hashLeaf(blake3, start, values, at, epoch),
    writeChild: (values, valueAt, labels, labelAt, out, at) => {
      copyWords(values, valueAt, out, at, DIGEST_BYTES);
      copyWords(labels, labelAt, out, at + DIGEST_BYTES, LABEL_BYTES);
    },
    hashParent: (children, at, out, outAt) => {
      copyWords(children, at, blake3.input, start, 2 * childBytes);
      blake3.hash(start + 2 * childBytes, out, outAt);
    },
    rootHash: (value) => new Uint8Array(value.buffer, value.byteOffset, DIGEST_BYTES).slice(),
  };
}

function hashLeaf(blake3: ShortBlake3, start: number, values: DataView, at: number, epoch: number): void {
  const { input } = blake3;
  copyWords(values, at, input, start, DIGEST_BYTES);
  input.setUint32(start + DIGEST_BYTES, Math.floor(epoch / 2 ** 32));
  input.setUint32(start + DIGEST_BYTES + 4, epoch % 2 ** 32);
  blake3.hash(start + DIGEST_BYTES + 8, values, at);
}

/** Copies a multiple of 4 bytes: for a few bytes, a loop is faster than `set` with another view. */
export function copyWords(from: DataView, at: number, to: DataView, toAt: number, length: number): void {
  for (let i = 0; i < length; i += 4) to.setInt32(toAt + i, from.getInt32(at + i));
}

/** Returns a view of all of `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function emptyView(length: number): DataView {
  return new DataView(new ArrayBuffer(length));
}
