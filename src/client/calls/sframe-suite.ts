import { sha256, sha512 } from '@noble/hashes/sha2.js';

/** A cipher suite of SFrame by its registered name (RFC 9605 §4.5 and §8.1). */
export type SframeSuite =
  | 'AES_128_CTR_HMAC_SHA256_80'
  | 'AES_128_CTR_HMAC_SHA256_64'
  | 'AES_128_CTR_HMAC_SHA256_32'
  | 'AES_128_GCM_SHA256_128'
  | 'AES_256_GCM_SHA512_128';

/** The constants of a suite, lengths in bytes. */
export interface SframeSuiteParameters {
  /** Its number in the registry. */
  readonly id: number;
  readonly hash: typeof sha256 | typeof sha512;
  /** `AEAD.Nk`: of a base key and of the derived key. */
  readonly keyLength: number;
  /** `AEAD.Nt`. */
  readonly tagLength: number;
  /** `AEAD.Nka` of the suites made of AES-CTR and HMAC; undefined for AES-GCM. */
  readonly aesKeyLength: 16 | undefined;
}

/** `AEAD.Nn` of every suite, in bytes. */
export const SFRAME_NONCE_LENGTH = 12;

/** Every suite of RFC 9605. */
export const SFRAME_SUITES: Readonly<Record<SframeSuite, SframeSuiteParameters>> = {
  AES_128_CTR_HMAC_SHA256_80: { id: 1, hash: sha256, keyLength: 48, tagLength: 10, aesKeyLength: 16 },
  AES_128_CTR_HMAC_SHA256_64: { id: 2, hash: sha256, keyLength: 48, tagLength: 8, aesKeyLength: 16 },
  AES_128_CTR_HMAC_SHA256_32: { id: 3, hash: sha256, keyLength: 48, tagLength: 4, aesKeyLength: 16 },
  AES_128_GCM_SHA256_128: { id: 4, hash: sha256, keyLength: 16, tagLength: 16, aesKeyLength: undefined },
  AES_256_GCM_SHA512_128: { id: 5, hash: sha512, keyLength: 32, tagLength: 16, aesKeyLength: undefined },
};
