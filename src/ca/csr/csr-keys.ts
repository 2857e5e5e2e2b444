import { certifiedKeysHash } from '../../core/crypto/certified-keys-hash.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { type CompanionKeys, encodeCompanionKeys } from '../companion-keys.ts';
import { requestedExtensions } from './csr-attributes.ts';
import { DerTag, readSingle } from '../der/der-reader.ts';
import { parsePem } from '../der/pem.ts';

/** The keys that a request asks to have certified. */
export interface CsrKeys {
  /** The DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly companions: CompanionKeys | undefined;
  /** How all of them are named: see `certifiedKeysHash`. */
  readonly keysSha256: Uint8Array;
}

/** The keys in a request in PEM (RFC 2986 §4), which is not checked otherwise. Throws `bad-csr`. */
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
