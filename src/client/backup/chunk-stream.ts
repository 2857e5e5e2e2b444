import { ensure, GlasskeyError } from '../../core/errors.ts';
import { aesGcmOf, TAG_BYTES } from './aes-gcm.ts';

/** Plaintext bytes of every chunk but the last, which has 1 to as many. */
export const CHUNK_BYTES = 2 ** 20;

const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;
const NONCE_BYTES = 12;

/**
 * Seals a text in chunks (docs/spec.md#backups): the STREAM construction over AES-256-GCM. The nonce of a chunk holds
 * its index and whether it is the last, so that chunks cannot be left out, repeated or put in another order. `key` (32
 * bytes) must never seal a second text. Throws `usage` for an empty text.
 */
export async function sealChunks(key: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array> {
  ensure(plaintext.length > 0, 'usage', 'there is nothing to seal');
  const count = Math.ceil(plaintext.length / CHUNK_BYTES);
  const cipher = await aesGcmOf(key);
  const sealed = new Uint8Array(plaintext.length + count * TAG_BYTES);
  for (let i = 0; i < count; i++) {
    const chunk = plaintext.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES);
    sealed.set(await cipher.seal(nonceOf(i, i === count - 1), chunk), i * SEALED_CHUNK_BYTES);
  }
  return sealed;
}

/**
 * Opens the untrusted chunks of {@link sealChunks}. Returns nothing before the last chunk has proved that all are
 * there. Throws `state-corrupt`.
 */
export async function openChunks(key: Uint8Array, ciphertext: Uint8Array): Promise<Uint8Array> {
  const count = Math.ceil(ciphertext.length / SEALED_CHUNK_BYTES);
  const length = ciphertext.length - count * TAG_BYTES;
  const cipher = await aesGcmOf(key);
  const opened = new Uint8Array(Math.max(length, 0));
  const isLong = count > 0 && length > (count - 1) * CHUNK_BYTES;
  ensure(isLong, 'state-corrupt', 'the backup is damaged: its end is missing');
  for (let i = 0; i < count; i++) {
    const chunk = ciphertext.subarray(i * SEALED_CHUNK_BYTES, (i + 1) * SEALED_CHUNK_BYTES);
    try {
      opened.set(await cipher.open(nonceOf(i, i === count - 1), chunk), i * CHUNK_BYTES);
    } catch (cause) {
      throw new GlasskeyError('state-corrupt', `the backup is damaged in chunk ${i + 1} of ${count}`, { cause });
    }
  }
  return opened;
}

/** Seven zeros, the index as uint32, and 1 for the last chunk: the key is of this text alone. */
function nonceOf(index: number, isLast: boolean): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  new DataView(nonce.buffer).setUint32(7, index);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}
