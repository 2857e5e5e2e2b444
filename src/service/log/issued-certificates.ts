import { Buffer } from 'node:buffer';
import type { ParsedCertificate } from '../../ca/certificate.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { RecentCache } from '../../core/recent-cache.ts';

/** The keys that a certificate certifies (SubjectPublicKeyInfo and companion keys), and when its validity begins. */
export type IssuedKeys = Pick<ParsedCertificate, 'spki' | 'companions' | 'notBeforeMs'>;

/**
 * Remembers the keys of certificates that this process signed and linted, by the SHA-256 of all their bytes: a
 * certificate that comes back from the database with the same digest need not be parsed and verified again.
 */
export class IssuedCertificates {
  readonly #keys: RecentCache<IssuedKeys>;

  /** Remembers the last `capacity` certificates. */
  constructor(capacity: number) {
    this.#keys = new RecentCache(capacity);
  }

  /** Remembers a certificate that this process has just signed and linted: nothing else may be added. */
  add({ der, spki, companions, notBeforeMs }: ParsedCertificate): void {
    this.#keys.set(keyOf(der), { spki, companions, notBeforeMs });
  }

  /** Returns the keys of a remembered certificate. */
  keysOf(der: Uint8Array): IssuedKeys | undefined {
    return this.#keys.get(keyOf(der));
  }
}

function keyOf(der: Uint8Array): string {
  return Buffer.from(sha256(der)).toString('latin1');
}
