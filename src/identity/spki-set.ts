import { equalBytes } from '../core/encoding/bytes.ts';
import { sha256 } from '../core/crypto/sha256.ts';
import { GlasskeyError } from '../core/errors.ts';
import { sortedHashSet } from './change-request.ts';
import type { IdentityRecord } from './identity-record.ts';

/** What continuity needs from a PKI library. Both take untrusted bytes and throw a GlasskeyError for what they refuse. */
export interface ContinuityPorts {
  /** The DER SubjectPublicKeyInfo of a DER certificate. */
  certificateSpki(certificate: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Resolves where `signature` over `message` is by the key of `spki`. */
  verifySignature(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): void | Promise<void>;
}

/** A certificate's key. */
export interface CertifiedKey {
  readonly spki: Uint8Array;
  /** SHA-256 of `spki`. */
  readonly hash: Uint8Array;
}

/** The key of each certificate, in order. Throws `bad-record` where one cannot be read. */
export async function certifiedKeys(record: IdentityRecord, ports: ContinuityPorts): Promise<readonly CertifiedKey[]> {
  const keys: CertifiedKey[] = [];
  for (const certificate of record.certificates) {
    const spki = await readSpki(certificate, ports);
    keys.push({ spki, hash: sha256(spki) });
  }
  return keys;
}

/** SHA-256 of each SPKI that the record certifies: ascending, each once. Throws `bad-record`. */
export async function spkiSet(record: IdentityRecord, ports: ContinuityPorts): Promise<readonly Uint8Array[]> {
  const keys = await certifiedKeys(record, ports);
  return sortedHashSet(keys.map((key) => key.hash));
}

/** The hashes of `after` that `before` lacks. */
export function addedTo(before: readonly Uint8Array[], after: readonly Uint8Array[]): readonly Uint8Array[] {
  return after.filter((hash) => !includesBytes(before, hash));
}

/** Tells whether one of `list` equals `value`. */
export function includesBytes(list: readonly Uint8Array[], value: Uint8Array): boolean {
  return list.some((candidate) => equalBytes(candidate, value));
}

async function readSpki(certificate: Uint8Array, ports: ContinuityPorts): Promise<Uint8Array> {
  try {
    return await ports.certificateSpki(certificate);
  } catch (cause) {
    if (!(cause instanceof GlasskeyError)) throw cause;
    throw new GlasskeyError('bad-record', 'a certificate of the record cannot be read', { cause });
  }
}
