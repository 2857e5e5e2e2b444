import { expand, extract } from '@noble/hashes/hkdf.js';
import { concatBytes, encodeUtf8 } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { type SframeCipher, sframeCipher } from './sframe-cipher.ts';
import { encodeSframeHeader, type SframeHeader } from './sframe-header.ts';
import { SFRAME_NONCE_LENGTH, SFRAME_SUITES, type SframeSuite } from './sframe-suite.ts';

/** Bytes of the longest frame before encryption. A key frame of 4K video has less than 2 MiB. */
export const MAX_FRAME_BYTES = 8 * 2 ** 20;
/** Bytes that encryption adds at most: of a header and a tag. */
const MAX_OVERHEAD = 17 + 16;
/** Bytes of the longest metadata. */
const MAX_METADATA_BYTES = 2 ** 12;

/** The key and salt of one key id (RFC 9605 §4.4.2). Secret. */
export interface SframeSecrets {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

/** Derives the key and salt of a key id from a base key (RFC 9605 §4.4.2). Throws `bad-key` for an empty base key. */
export function deriveSframeSecrets(suite: SframeSuite, kid: bigint, baseKey: Uint8Array): SframeSecrets {
  ensure(baseKey.length > 0, 'bad-key', 'an empty base key');
  const { id, hash, keyLength } = SFRAME_SUITES[suite];
  const numbers = new Uint8Array(10);
  const view = new DataView(numbers.buffer);
  view.setBigUint64(0, kid);
  view.setUint16(8, id);
  const secret = extract(hash, baseKey, new Uint8Array());
  const derive = (label: string, length: number): Uint8Array =>
    expand(hash, secret, concatBytes(encodeUtf8(label), numbers), length);
  return {
    key: derive('SFrame 1.0 Secret key ', keyLength),
    salt: derive('SFrame 1.0 Secret salt ', SFRAME_NONCE_LENGTH),
  };
}

/** One key id with its key (RFC 9605 §4.4). Its user sees to it that no counter is used twice for {@link seal}. */
export class SframeKey {
  readonly kid: bigint;
  readonly #salt: Uint8Array;
  readonly #cipher: SframeCipher;

  private constructor(kid: bigint, salt: Uint8Array, cipher: SframeCipher) {
    this.kid = kid;
    this.#salt = salt;
    this.#cipher = cipher;
  }

  /** Derives the key of a key id. Throws `bad-key`. */
  static async derive(suite: SframeSuite, kid: bigint, baseKey: Uint8Array): Promise<SframeKey> {
    const { key, salt } = deriveSframeSecrets(suite, kid, baseKey);
    const cipher = await sframeCipher(suite, key);
    key.fill(0);
    return new SframeKey(kid, salt, cipher);
  }

  /** Encrypts a frame under a counter (RFC 9605 §4.4.3). Throws `payload-too-large`. */
  async seal(ctr: bigint, metadata: Uint8Array, frame: Uint8Array): Promise<Uint8Array> {
    assertLengths(metadata, frame, MAX_FRAME_BYTES);
    const header = encodeSframeHeader(this.kid, ctr);
    const body = await this.#cipher.seal(this.#nonce(ctr), concatBytes(header, metadata), frame);
    return concatBytes(header, body);
  }

  /** Decrypts an untrusted frame with this header (RFC 9605 §4.4.4). Throws `bad-frame`, `payload-too-large`. */
  async open({ ctr, length }: SframeHeader, metadata: Uint8Array, frame: Uint8Array): Promise<Uint8Array> {
    assertLengths(metadata, frame, MAX_FRAME_BYTES + MAX_OVERHEAD);
    const aad = concatBytes(frame.subarray(0, length), metadata);
    return this.#cipher.open(this.#nonce(ctr), aad, frame.subarray(length));
  }

  #nonce(ctr: bigint): Uint8Array {
    const nonce = this.#salt.slice();
    const view = new DataView(nonce.buffer);
    view.setBigUint64(4, view.getBigUint64(4) ^ ctr);
    return nonce;
  }
}

function assertLengths(metadata: Uint8Array, frame: Uint8Array, most: number): void {
  const fits = frame.length <= most && metadata.length <= MAX_METADATA_BYTES;
  ensure(fits, 'payload-too-large', `a frame has at most ${most} bytes, its metadata ${MAX_METADATA_BYTES}`);
}
