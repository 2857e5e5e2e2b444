import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { sha256 } from '../../core/crypto/sha256.ts';
import { concatBytes, encodeUtf8, equalBytes } from '../../core/encoding/bytes.ts';
import { bytes, encode, fixedBytes, struct } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { shortText } from '../../identity/text-codec.ts';
import { type Envelope, type EnvelopeHeader, envelopeHeaderCodec, HINT_BYTES } from './envelope-codec.ts';
import { type SealingSuite, SUITE_CODES } from './suites.ts';

/** A name in a log, to which a message is sealed. */
export interface SealedTo {
  readonly origin: string;
  readonly label: Uint8Array;
}

const INFO = encodeUtf8('glasskey sealed message key v1\0');
const HINT = encodeUtf8('glasskey sealed message hint v1\0');
const COMMITMENT = encodeUtf8('glasskey sealed message commitment v1\0');
/** A content key encrypts one content, so that one nonce does. */
const NONCE = new Uint8Array(12);

const sealedToCodec = struct<SealedTo>({ origin: shortText, label: bytes(1, 255) });
const hintCodec = struct({ to: sealedToCodec, suite: fixedBytes(1), encSha256: fixedBytes(32) });

/** The `info` of HPKE for a device of a name. */
export function sealingInfo(to: SealedTo): Uint8Array {
  return concatBytes(INFO, encode(sealedToCodec, to));
}

/**
 * Returns the hint of a slot: it tells the holder of `publicKey` which slot is its own. To others it looks random, but
 * those who guess the name can check their guess.
 */
export function slotHint(to: SealedTo, suite: SealingSuite, enc: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const slot = encode(hintCodec, { to, suite: Uint8Array.of(SUITE_CODES[suite]), encSha256: sha256(enc) });
  return sha256(concatBytes(HINT, slot, publicKey)).slice(0, HINT_BYTES);
}

/** Commits to a content key: an envelope has one content, whichever of its slots is opened. */
export function keyCommitment(contentKey: Uint8Array): Uint8Array {
  return sha256(concatBytes(COMMITMENT, contentKey));
}

/** Encrypts a content by a fresh key, together with the head of the envelope (RFC 8439). */
export function encryptContent(contentKey: Uint8Array, header: EnvelopeHeader, content: Uint8Array): Uint8Array {
  return chacha20poly1305(contentKey, NONCE, encode(envelopeHeaderCodec, header)).encrypt(content);
}

/** Decrypts the content of an envelope; untrusted. Throws `bad-message` if the envelope was altered. */
export function decryptContent(contentKey: Uint8Array, { header, ciphertext }: Envelope): Uint8Array {
  const isCommitted = equalBytes(keyCommitment(contentKey), header.keyCommitment);
  ensure(isCommitted, 'bad-message', 'the envelope does not commit to the key of the message');
  try {
    return chacha20poly1305(contentKey, NONCE, encode(envelopeHeaderCodec, header)).decrypt(ciphertext);
  } catch (cause) {
    throw new GlasskeyError('bad-message', 'the message does not decrypt: somebody altered it', { cause });
  }
}
