import { formatPem } from '../../ca/der/pem.ts';
import { verifyChain } from '../../ca/verify-chain.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { BoundCertificate, VerifiedBinding } from './binding.ts';
import type { Trust } from '../trust.ts';

/** A newly issued certificate, verified. */
export interface IssuedCertificate {
  /** The leaf, PEM. */
  readonly certificate: string;
  /** From the leaf's issuer up to the root, PEM; verified, from the trust bundle. */
  readonly chain: readonly string[];
  readonly binding: VerifiedBinding;
}

/**
 * Asserts that an untrusted server issued the requested certificate: `certificate` (DER) is in the proved record, for
 * the requester's keys (`keysSha256`). A first version must certify only these, since nobody else had a say in it.
 * Throws `certificate-not-in-record`, `bad-record`.
 */
export function assertIssued(
  binding: VerifiedBinding,
  keysSha256: Uint8Array,
  certificate: Uint8Array,
): BoundCertificate {
  const held = binding.certificates.find((one) => equalBytes(one.der, certificate));
  ensure(
    held !== undefined,
    'certificate-not-in-record',
    'the certificate that was issued is not in the record that was proved',
  );
  ensure(
    equalBytes(held.keysSha256, keysSha256),
    'certificate-not-in-record',
    'the certificate that was issued is for another key, or for other companion keys',
  );
  const isAlone =
    binding.certificates.every((one) => equalBytes(one.keysSha256, keysSha256)) && binding.expired.length === 0;
  ensure(binding.version > 0 || isAlone, 'bad-record', 'the first version of the record holds a key of somebody else');
  return held;
}

/** Returns a verified certificate with the chain to the bundle's root. Throws as `verifyChain` does. */
export async function describeIssued(
  { issuers, roots }: Trust,
  { der, pem, notBeforeMs }: BoundCertificate,
  binding: VerifiedBinding,
): Promise<IssuedCertificate> {
  const { path } = await verifyChain({ certificate: der, intermediates: issuers, roots, atMs: notBeforeMs });
  return { certificate: pem, chain: path.slice(1).map((one) => formatPem('CERTIFICATE', one.der)), binding };
}
