import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { DerTag, readSingle } from './der-reader.ts';
import { parsePem } from './pem.ts';

/** The DER SubjectPublicKeyInfo of a request in PEM (RFC 2986 §4), which is not checked otherwise. Throws `bad-csr`. */
export function csrSpki(pem: string): Uint8Array {
  try {
    const old = pem.includes('-----BEGIN NEW CERTIFICATE REQUEST-----');
    const der = parsePem(old ? 'NEW CERTIFICATE REQUEST' : 'CERTIFICATE REQUEST', pem);
    const info = readSingle(der).values.enter();
    info.read(DerTag.integer);
    info.read(DerTag.sequence);
    return info.read(DerTag.sequence).raw.slice();
  } catch (cause) {
    if (!isGlasskeyError(cause)) throw cause;
    throw new GlasskeyError('bad-csr', `request: ${cause.message}`, { cause });
  }
}
