import { createCsr as createCsrDer } from '../ca/create-csr.ts';
import { formatPem } from '../ca/pem.ts';
import type { Identity } from '../identity/identity.ts';
import type { ClientKey } from './client-key.ts';

/** A PKCS#10 request (RFC 2986) in PEM for a key and the identity in its subjectAltName, signed by the key. */
export async function createCsr(identity: Pick<Identity, 'san'>, key: ClientKey): Promise<string> {
  const { keyType: algorithm, spki } = key;
  const der = await createCsrDer({ algorithm, spki, sign: (message) => key.sign(message) }, identity.san);
  return formatPem('CERTIFICATE REQUEST', der);
}
