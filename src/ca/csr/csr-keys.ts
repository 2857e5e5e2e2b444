import { certifiedKeysHash } from '../../core/crypto/certified-keys-hash.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { type CompanionKeys, encodeCompanionKeys } from '../companion-keys.ts';
import { requestedExtensions } from './csr-attributes.ts';
import { DerTag, readSingle } from '../der/der-reader.ts';
import { parsePem } from '../der/pem.ts';

/** The keys that a request wants certified. */
export interface CsrKeys {
  /** The DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly companions: CompanionKeys | undefined;
  /** Names all of them: see `certifiedKeysHash`. */
  readonly keysSha256: Uint8Array;
}

/** Reads the keys in a PEM request (RFC 2986 §4) without checking the request. Throws `bad-csr`. */
export function csrKeys(pem: string): CsrKeys {
  try {
    const old = pem.includes('-----BEGIN NEW CERTIFICATE REQUEST-----');
    const der = parsePem(old ? 'NEW CERTIFICATE REQUEST' : 'CERTIFICATE REQUEST', pem);
    const info = readSingle(der).values.enter();
    info.read(DerTag.integer);
    info.read(DerTag.sequence);
    const spki = info.read(DerTag.sequence).raw.slice();
    const { companions } = requestedExtensions(info.optional(0xa0));
    return { spki, companions, keysSha256: certifiedKeysHash(spki, companions && encodeCompanionKeys(companions)) };
  } catch (cause) {
    if (!isGlasskeyError(cause)) throw cause;
    throw new GlasskeyError('bad-csr', `request: ${cause.message}`, { cause });
  }
}
