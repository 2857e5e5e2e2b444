import { randomBytes } from 'node:crypto';
import { createRoot } from '../../src/ca/authority.ts';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { formatPem } from '../../src/ca/der/pem.ts';
import { signTrustBundle } from '../../src/contract/bundle-signature.ts';
import type { SignedTrustBundle, TrustBundle } from '../../src/contract/trust-bundle.ts';
import { formatBase64 } from '../../src/core/encoding/bytes.ts';
import { testSigner } from '../core/audit/test-signer.ts';

/** A bundle for tests as servers serve it: with a root certificate, and signed by a key made of `seed`. */
export async function signedBundle(bundle: TrustBundle, seed = 99): Promise<SignedTrustBundle> {
  const signer = testSigner(seed);
  const root = await createRoot({
    signer: signerFromKey(await createKey('p256')),
    commonName: 'Test Root',
    nowMs: 1_000_000_000_000,
    random: (length) => new Uint8Array(randomBytes(length)),
  });
  const roots = [formatPem('CERTIFICATE', root.certificate.der)];
  return signTrustBundle({ ...bundle, roots, issuers: roots, bundleKey: formatBase64(signer.publicKey) }, [signer]);
}
