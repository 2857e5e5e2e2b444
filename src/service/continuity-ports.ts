import { parseCertificate } from '../ca/certificate.ts';
import { nodeVerifySpkiSignature } from '../ca/node-verify-signature.ts';
import type { ContinuityPorts } from '../identity/spki-set.ts';

/** The CA's parser and verifier, as continuity (DESIGN §7) needs them. */
export const continuityPorts: ContinuityPorts = {
  certificateSpki: (certificate) => parseCertificate(certificate).spki,
  verifySignature: nodeVerifySpkiSignature,
};
