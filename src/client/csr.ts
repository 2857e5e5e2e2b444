import { createCsr as createCsrDer } from '../ca/create-csr.ts';
import { DerReader, readSingle } from '../ca/der-reader.ts';
import { formatPem, parsePem } from '../ca/pem.ts';
import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import type { Identity } from '../identity/identity.ts';
import type { ClientKey } from './client-key.ts';

/** A PKCS#10 request (RFC 2986) in PEM for a key and the identity in its subjectAltName, signed by the key. */
export async function createCsr(identity: Pick<Identity, 'san'>, key: ClientKey): Promise<string> {
  const { keyType: algorithm, spki } = key;
  const der = await createCsrDer({ algorithm, spki, sign: (message) => key.sign(message) }, identity.san);
  return formatPem('CERTIFICATE REQUEST', der);
}

/** The DER SubjectPublicKeyInfo of the caller's own request in PEM (RFC 2986 §4). Throws `bad-csr`. */
export function csrSpki(pem: string): Uint8Array {
  try {
    const old = pem.includes('-----BEGIN NEW CERTIFICATE REQUEST-----');
    const der = parsePem(old ? 'NEW CERTIFICATE REQUEST' : 'CERTIFICATE REQUEST', pem);
    const info = new DerReader(readSingle(der).content).enter();
    info.read(0x02);
    info.read(0x30);
    return info.read(0x30).raw.slice();
  } catch (cause) {
    if (!isGlasskeyError(cause)) throw cause;
    throw new GlasskeyError('bad-csr', `request: ${cause.message}`, { cause });
  }
}
