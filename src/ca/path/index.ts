/**
 * Path validation by RFC 5280 for any program, with CRLs and OCSP: pure, for Node and browsers. For Glasskey's own
 * certificates use a `KeyDirectory`, which also checks the log.
 */
export { type ErrorCode } from '../../core/error-codes.ts';
export { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
export { parsePemBlocks } from '../der/pem.ts';
export { type PathOptions, type ValidPath, validatePath } from './build-path.ts';
export { checkOcsp, type OcspRequirements } from './check-ocsp.ts';
export { type PathRequirements } from './check-path.ts';
export { checkRevocation } from './check-revocation.ts';
export { type SignerSources } from './crl-signers.ts';
export { type PathCertificate, type PathProfile } from './path-certificate.ts';
export { assertPeer, type PeerNames } from './peer-checks.ts';
export { type InitialPolicies } from './policies.ts';
export { parseAnchors, type TrustAnchors, type UnreadableAnchor } from './trust-anchors.ts';
