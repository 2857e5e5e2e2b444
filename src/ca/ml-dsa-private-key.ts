import { expandMlDsaSeed, ML_DSA_SEED_LENGTH, type MlDsaPair, type MlDsaSet } from '../core/crypto/ml-dsa-sets.ts';
import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { DerReader, DerTag } from './der/der-reader.ts';
import { der, derBitString, derOid, derSequence } from './der/der-writer.ts';
import { KeyOid } from './der/oids.ts';
import { withCode } from './der/with-code.ts';

/** A private ML-DSA key: its seed, and the key pair that follows from it. */
export interface MlDsaPrivateKey extends MlDsaPair {
  /** Secret: 32 bytes. */
  readonly seed: Uint8Array;
}

/** Tag of a seed inside PKCS#8: [0] IMPLICIT OCTET STRING (RFC 9881 §6). */
const SEED_TAG = 0x80;
const VERSION_0 = der(DerTag.integer, Uint8Array.of(0));
const OIDS: Readonly<Record<MlDsaSet, string>> = { 'ml-dsa-44': KeyOid.mlDsa44, 'ml-dsa-65': KeyOid.mlDsa65 };

/** Encodes the AlgorithmIdentifier of ML-DSA keys, which has no parameters (RFC 9881 §2). */
export function mlDsaKeyAlgorithm(set: MlDsaSet): Uint8Array {
  return derSequence(derOid(OIDS[set]));
}

/** Encodes the SubjectPublicKeyInfo of an ML-DSA key (RFC 9881 §4). */
export function mlDsaSpki(set: MlDsaSet, publicKey: Uint8Array): Uint8Array {
  return derSequence(mlDsaKeyAlgorithm(set), derBitString(publicKey));
}

/** Encodes the PKCS#8 of a secret seed of 32 bytes: the form that RFC 9881 §6 recommends. */
export function encodeMlDsaPkcs8(set: MlDsaSet, seed: Uint8Array): Uint8Array {
  ensure(seed.length === ML_DSA_SEED_LENGTH, 'bad-key', `an ${set} seed is ${ML_DSA_SEED_LENGTH} bytes`);
  return derSequence(VERSION_0, mlDsaKeyAlgorithm(set), der(DerTag.octetString, der(SEED_TAG, seed)));
}

/** Returns the private key of a secret seed. Throws `bad-key-file` for a seed that is not 32 bytes. */
export function mlDsaPrivateKey(set: MlDsaSet, seed: Uint8Array): MlDsaPrivateKey {
  ensure(seed.length === ML_DSA_SEED_LENGTH, 'bad-key-file', `an ${set} seed is ${ML_DSA_SEED_LENGTH} bytes`);
  return { seed: seed.slice(), ...expandMlDsaSeed(set, seed) };
}

/**
 * Reads `ML-DSA-PrivateKey`, the contents of the OCTET STRING in PKCS#8 (RFC 9881 §6; untrusted): a seed, or a seed and
 * its expanded key, which must belong together (§8.2). The tag alone tells which. Refuses an expanded key without its
 * seed: its parts can contradict each other, and with some that do, signing never ends. Throws `bad-key-file`.
 */
export function readMlDsaPrivateKey(set: MlDsaSet, inner: Uint8Array): MlDsaPrivateKey {
  return withCode('bad-key-file', `${set} key`, () => {
    const reader = new DerReader(inner);
    const { tag, content, values } = reader.read();
    reader.end();
    if (tag === SEED_TAG) return mlDsaPrivateKey(set, content);
    if (tag === DerTag.octetString) {
      throw new GlasskeyError('bad-key-file', `an ${set} key without its seed: export it again, with the seed`);
    }
    ensure(tag === DerTag.sequence, 'bad-key-file', `not an ${set} key`);
    const key = mlDsaPrivateKey(set, values.read(DerTag.octetString).content);
    const expandedKey = values.read(DerTag.octetString).content;
    values.end();
    const belongs = equalBytes(key.expandedKey, expandedKey);
    ensure(belongs, 'bad-key-file', `the seed of the ${set} key is not the seed of the expanded key`);
    return key;
  });
}
