import { parseCertificate } from '../../ca/certificate.ts';
import { encodeCompanionKeys } from '../../ca/companion-keys.ts';
import { nodeVerifySpkiSignature } from '../../ca/node-verify-signature.ts';
import type { ContinuityPorts } from '../../identity/spki-set.ts';
import type { IssuedCertificates } from '../log/issued-certificates.ts';

/**
 * Returns the CA's parser and verifier for the continuity check (docs/spec.md#identity-record). Certificates in
 * `issued` are not parsed again.
 */
export function continuityPorts(issued: IssuedCertificates): ContinuityPorts {
  return {
    certificateSpki: (certificate) => (issued.keysOf(certificate) ?? parseCertificate(certificate)).spki,
    certificateCompanions: (certificate) => {
      const { companions } = issued.keysOf(certificate) ?? parseCertificate(certificate);
      return companions && encodeCompanionKeys(companions);
    },
    verifySignature: nodeVerifySpkiSignature,
  };
}
