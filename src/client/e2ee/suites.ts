import { CipherSuite, HkdfSha256 } from '@hpke/core';
import type { CompanionKeys } from '../../ca/companion-keys.ts';
import { concatBytes } from '../../core/encoding/bytes.ts';
import { GlasskeyError } from '../../core/errors.ts';
import type { CompanionSecrets } from '../keys/companion-secrets.ts';
import { requireSubtle } from '../platform.ts';
import { CHACHA_AEAD } from './chacha-aead.ts';
import { DHKEM_X25519 } from './dhkem-x25519.ts';
import { bufferOf, hpkeKem, type RawKem } from './raw-kem.ts';
import { X_WING } from './x-wing.ts';

/**
 * The encryption that a device gets: `x-wing` resists quantum computers and needs both companion keys, `x25519` needs
 * that one. Both are HPKE (RFC 9180) with HKDF-SHA256 and ChaCha20-Poly1305.
 */
export type SealingSuite = 'x-wing' | 'x25519';

/** The numbers of the suites in an envelope. */
export const SUITE_CODES = { x25519: 1, 'x-wing': 2 } as const satisfies Record<SealingSuite, number>;

/** The suites, the better one first. */
export const SEALING_SUITES: readonly SealingSuite[] = ['x-wing', 'x25519'];

/** Bytes of a key that is sealed to a device: 32, and the tag of the AEAD. */
export const SEALED_KEY_BYTES = 48;

const KEMS: Readonly<Record<SealingSuite, RawKem>> = { x25519: DHKEM_X25519, 'x-wing': X_WING };

/** Bytes of an encapsulated secret. */
export function encBytes(suite: SealingSuite): number {
  return KEMS[suite].encBytes;
}

/** Returns the public key that a suite encrypts to, or undefined if a certificate lacks a companion key for it. */
export function suitePublicKey(suite: SealingSuite, { x25519, mlKem768 }: CompanionKeys = {}): Uint8Array | undefined {
  if (x25519 === undefined || suite === 'x25519') return x25519;
  return mlKem768 && concatBytes(mlKem768, x25519);
}

/** Returns the private key of {@link suitePublicKey}, or undefined if a device lacks a companion key for it. */
export function suitePrivateKey(
  suite: SealingSuite,
  { x25519Secret, mlKem768Seed }: CompanionSecrets = {},
): Uint8Array | undefined {
  if (x25519Secret === undefined || suite === 'x25519') return x25519Secret;
  return mlKem768Seed && concatBytes(mlKem768Seed, x25519Secret);
}

/** A key that is sealed to one device. */
export interface WrappedKey {
  readonly enc: Uint8Array;
  readonly sealedKey: Uint8Array;
}

/**
 * Seals a key of 32 bytes to a public key (RFC 9180 §6.1, base mode), for a context `info`. Throws `bad-key` for a
 * public key that yields no secret, and `platform-unsupported` without WebCrypto.
 */
export async function wrapKey(
  suite: SealingSuite,
  publicKey: Uint8Array,
  info: Uint8Array,
  key: Uint8Array,
): Promise<WrappedKey> {
  const hpke = hpkeSuite(KEMS[suite]);
  try {
    const recipientPublicKey = await hpke.kem.deserializePublicKey(bufferOf(publicKey));
    const { enc, ct } = await hpke.seal({ recipientPublicKey, info: bufferOf(info) }, bufferOf(key));
    return { enc: new Uint8Array(enc), sealedKey: new Uint8Array(ct) };
  } catch (cause) {
    throw new GlasskeyError('bad-key', 'a companion key of a device cannot be encrypted to', { cause });
  }
}

/**
 * Opens what {@link wrapKey} sealed; `wrapped` is untrusted. Throws `bad-message` unless it was sealed to this key for
 * this context, and `platform-unsupported` without WebCrypto.
 */
export async function unwrapKey(
  suite: SealingSuite,
  privateKey: Uint8Array,
  info: Uint8Array,
  { enc, sealedKey }: WrappedKey,
): Promise<Uint8Array> {
  const hpke = hpkeSuite(KEMS[suite]);
  try {
    const recipientKey = await hpke.kem.deserializePrivateKey(bufferOf(privateKey));
    const parameters = { recipientKey, enc: bufferOf(enc), info: bufferOf(info) };
    return new Uint8Array(await hpke.open(parameters, bufferOf(sealedKey)));
  } catch (cause) {
    throw new GlasskeyError('bad-message', 'the key of the message does not open: somebody altered it', { cause });
  }
}

/** Returns the HPKE suite of a KEM. Throws `platform-unsupported` without WebCrypto, which its key schedule needs. */
export function hpkeSuite(kem: RawKem): CipherSuite {
  requireSubtle('HPKE');
  return new CipherSuite({ kem: hpkeKem(kem), kdf: new HkdfSha256(), aead: CHACHA_AEAD });
}
