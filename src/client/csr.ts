import type { CompanionKeys } from '../ca/companion-keys.ts';
import { createCsr as createCsrDer } from '../ca/csr/create-csr.ts';
import { formatPem } from '../ca/der/pem.ts';
import type { Identity } from '../identity/identity.ts';
import type { ClientKey } from './client-key.ts';

/**
 * A PKCS#10 request (RFC 2986) in PEM for a key, the identity in its subjectAltName, and companion keys if there are any, signed by
 * the key.
 */
export async function createCsr(
  identity: Pick<Identity, 'san'>,
  key: ClientKey,
  companions?: CompanionKeys,
): Promise<string> {
  const { keyType: algorithm, spki } = key;
  const der = await createCsrDer({ algorithm, spki, sign: (message) => key.sign(message) }, identity.san, companions);
  return formatPem('CERTIFICATE REQUEST', der);
}
