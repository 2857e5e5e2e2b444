import { equalBytes } from '../core/encoding/bytes.ts';
import { certifiedKeysHash } from '../core/crypto/certified-keys-hash.ts';
import { sha256 } from '../core/crypto/sha256.ts';
import { GlasskeyError } from '../core/errors.ts';
import { sortedHashSet } from './change-request.ts';
import type { IdentityRecord } from './identity-record.ts';

/**
 * The functions of a PKI library that continuity needs. They take untrusted bytes and throw a GlasskeyError to refuse
 * them.
 */
export interface ContinuityPorts {
  /** Returns the DER SubjectPublicKeyInfo of a DER certificate. */
  certificateSpki(certificate: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Returns the DER value of the certificate's companion keys extension; undefined if it has none. */
  certificateCompanions(certificate: Uint8Array): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Resolves if `signature` over `message` is by the key of `spki`. */
  verifySignature(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): void | Promise<void>;
}

/** A certificate's key. */
export interface CertifiedKey {
  readonly spki: Uint8Array;
  /** SHA-256 of `spki`: names the signer of a change. */
  readonly spkiSha256: Uint8Array;
  /** Names the key with its companion keys, see {@link certifiedKeysHash}. Changes of keys use these names. */
  readonly hash: Uint8Array;
}

/** Returns the key of each certificate, in order. Throws `bad-record` if one cannot be read. */
export async function certifiedKeys(record: IdentityRecord, ports: ContinuityPorts): Promise<readonly CertifiedKey[]> {
  const keys: CertifiedKey[] = [];
  for (const certificate of record.certificates) {
    keys.push(await readKeys(certificate, ports));
  }
  return keys;
}

/** Returns the names of all certified keys, each with its companion keys: ascending, each once. Throws `bad-record`. */
export async function spkiSet(record: IdentityRecord, ports: ContinuityPorts): Promise<readonly Uint8Array[]> {
  const keys = await certifiedKeys(record, ports);
  return sortedHashSet(keys.map((key) => key.hash));
}

/** Returns the hashes of `after` that `before` lacks. */
export function addedTo(before: readonly Uint8Array[], after: readonly Uint8Array[]): readonly Uint8Array[] {
  return after.filter((hash) => !includesBytes(before, hash));
}

/** Returns true if `list` contains `value`. */
export function includesBytes(list: readonly Uint8Array[], value: Uint8Array): boolean {
  return list.some((candidate) => equalBytes(candidate, value));
}

async function readKeys(certificate: Uint8Array, ports: ContinuityPorts): Promise<CertifiedKey> {
  try {
    const spki = await ports.certificateSpki(certificate);
    const companions = await ports.certificateCompanions(certificate);
    return { spki, spkiSha256: sha256(spki), hash: certifiedKeysHash(spki, companions) };
  } catch (cause) {
    if (!(cause instanceof GlasskeyError)) throw cause;
    throw new GlasskeyError('bad-record', 'a certificate of the record cannot be read', { cause });
  }
}
