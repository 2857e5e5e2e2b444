import type { CompanionKeys } from '../ca/companion-keys.ts';
import { signCsr } from '../ca/csr/sign-csr.ts';
import { formatPem } from '../ca/der/pem.ts';
import type { Identity } from '../identity/identity.ts';
import type { ClientKey } from './client-key.ts';

/**
 * Returns a PKCS#10 request (RFC 2986) in PEM, signed by the key: the identity is in its subjectAltName, with companion
 * keys if given.
 */
export async function createCsr(
  identity: Pick<Identity, 'san'>,
  key: ClientKey,
  companions?: CompanionKeys,
): Promise<string> {
  const { keyType: algorithm, spki } = key;
  const der = await signCsr({ algorithm, spki, sign: (message) => key.sign(message) }, identity.san, companions);
  return formatPem('CERTIFICATE REQUEST', der);
}
