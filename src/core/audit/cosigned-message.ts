import { isMlDsaSignature } from '../crypto/ml-dsa.ts';
import { ByteReader } from '../encoding/byte-reader.ts';
import { ByteWriter } from '../encoding/byte-writer.ts';
import { encodeUtf8 } from '../encoding/bytes.ts';
import { ensure, GlasskeyError } from '../errors.ts';
import { parseCheckpoint } from './checkpoint-text.ts';
import { isSubtreeRange, type Subtree } from './subtree.ts';
import { ED25519_COSIGNATURE, isEd25519Signature, ML_DSA_COSIGNATURE, type Vkey } from './vkey.ts';

/** The domain separator of an ML-DSA-44 cosigner's message: 12 bytes. */
const SUBTREE_LABEL = encodeUtf8('subtree/v1\n\0');
/** The length of the timestamp before the signature. */
const TIMESTAMP_LENGTH = 8;

/** Returns true if the key makes cosignatures, rather than plain note signatures. */
export function isCosignerVkey(vkey: Vkey): boolean {
  return vkey.type === ED25519_COSIGNATURE || vkey.type === ML_DSA_COSIGNATURE;
}

/**
 * Returns the bytes that the cosigner `vkey` signs for the checkpoint with note text `text` at `timestamp` seconds
 * (c2sp.org/tlog-cosignature). Throws `bad-checkpoint` if the text is not a checkpoint. Throws `value-out-of-range` for
 * another type of key, and with ML-DSA-44 for a name or an origin above 255 bytes.
 */
export function cosignedMessage(vkey: Vkey, text: string, timestamp: number): Uint8Array {
  const { origin, size, rootHash } = parseCheckpoint(text);
  ensure(isCosignerVkey(vkey), 'value-out-of-range', 'the key does not make cosignatures');
  if (vkey.type === ED25519_COSIGNATURE) return encodeUtf8(`cosignature/v1\ntime ${timestamp}\n${text}`);
  return subtreeMessage(vkey, timestamp, origin, { start: 0, end: size, hash: rootHash });
}

/**
 * Returns the bytes that the ML-DSA-44 cosigner `vkey` signs for a subtree of the log `origin`: the `cosigned_message`
 * of c2sp.org/tlog-cosignature. The time is zero, which makes no statement about the largest tree that it knew. Throws
 * `value-out-of-range` for another type of key, for a name or an origin above 255 bytes, and for an invalid range.
 */
export function cosignedSubtree(vkey: Vkey, origin: string, subtree: Subtree): Uint8Array {
  ensure(vkey.type === ML_DSA_COSIGNATURE, 'value-out-of-range', 'only ML-DSA-44 keys cosign subtrees');
  const isValid = isSubtreeRange(subtree.start, subtree.end) && subtree.hash.length === 32 && origin !== '';
  ensure(isValid, 'value-out-of-range', 'not a subtree of a log');
  return subtreeMessage(vkey, 0, origin, subtree);
}

function subtreeMessage({ name }: Vkey, timestamp: number, origin: string, { start, end, hash }: Subtree): Uint8Array {
  const writer = new ByteWriter();
  writer.bytes(SUBTREE_LABEL);
  writeShort(writer, encodeUtf8(name));
  writer.uint64(timestamp);
  writeShort(writer, encodeUtf8(origin));
  writer.uint64(start);
  writer.uint64(end);
  writer.bytes(hash);
  return writer.finish();
}

function writeShort(writer: ByteWriter, bytes: Uint8Array): void {
  writer.uint(1, bytes.length);
  writer.bytes(bytes);
}

/** Encodes the `timestamped_signature` of c2sp.org/tlog-cosignature. `timestamp` is in seconds. */
export function encodeTimestampedSignature(timestamp: number, signature: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  writer.uint64(timestamp);
  writer.bytes(signature);
  return writer.finish();
}

/**
 * Verifies an untrusted `timestamped_signature` by the cosigner `vkey` over the checkpoint text. Returns its time in
 * seconds, or undefined if it does not verify. A time beyond 2^53-1 ms does not verify.
 */
export function openCosignature(vkey: Vkey, text: string, timestamped: Uint8Array): number | undefined {
  try {
    const timestamp = new ByteReader(timestamped).uint64();
    if (!Number.isSafeInteger(timestamp * 1000)) return undefined;
    const signature = timestamped.slice(TIMESTAMP_LENGTH);
    const message = cosignedMessage(vkey, text, timestamp);
    const isValid =
      vkey.type === ED25519_COSIGNATURE
        ? isEd25519Signature(vkey, message, signature)
        : isMlDsaSignature(vkey.publicKey, message, signature);
    return isValid ? timestamp : undefined;
  } catch (error) {
    if (error instanceof GlasskeyError) return undefined;
    throw error;
  }
}

/**
 * Returns true if an untrusted `timestamped_signature` is that of the ML-DSA-44 cosigner `vkey` over a subtree of the
 * log `origin`, with time zero.
 */
export function isSubtreeCosignature(vkey: Vkey, origin: string, subtree: Subtree, timestamped: Uint8Array): boolean {
  try {
    if (new ByteReader(timestamped).uint64() !== 0) return false;
    const message = cosignedSubtree(vkey, origin, subtree);
    return isMlDsaSignature(vkey.publicKey, message, timestamped.slice(TIMESTAMP_LENGTH));
  } catch (error) {
    if (error instanceof GlasskeyError) return false;
    throw error;
  }
}
