/** Glasskey's core, for programs that speak KEYTRANS or read the audit log themselves. It is pure and does no I/O. */
export { type ErrorCode, type Fault } from './error-codes.ts';
export { GlasskeyError, isGlasskeyError } from './errors.ts';
export { verifySubtreeCosignatures } from './audit/cosignature.ts';
export { formatSignSubtree, type SignSubtree } from './audit/sign-subtree.ts';
export * from './audit/subtree.ts';
export { formatVkey, parseVkey, type Vkey } from './audit/vkey.ts';
export { decode, encode } from './encoding/codec.ts';
export { cipherSuite, type CipherSuite } from './crypto/cipher-suite.ts';
export { commit, type CommitmentValue, verifyCommitment } from './crypto/commitment.ts';
export { type Configuration, configurationCodec } from './keytrans/configuration.ts';
export * from './keytrans/contact-monitor-messages.ts';
export * from './keytrans/credential.ts';
export * from './keytrans/distinguished-messages.ts';
export {
  compareRoots,
  type DistinguishedHead,
  distinguishedHeadCodec,
  type KnownHead,
  knownHeadCodec,
  recentHeads,
} from './keytrans/known-head.ts';
export { type KnownVersion, knownVersionCodec, mergeKnownVersions } from './keytrans/known-version.ts';
export * from './keytrans/messages.ts';
export { addToMonitorMap } from './keytrans/monitor-map.ts';
export * from './keytrans/owner-init-messages.ts';
export * from './keytrans/owner-monitor-messages.ts';
export { expectedAt, greatestKnown, type OwnerState, ownerStateCodec } from './keytrans/owner-state.ts';
export * from './keytrans/proofs.ts';
export * from './keytrans/standing-messages.ts';
export {
  settleCredential,
  type UnsettledCredential,
  unsettledCredentialCodec,
  verifyCredentialUpdate,
} from './keytrans/settle-credential.ts';
export { type TreeHead, verifyTreeHead } from './keytrans/tree-head.ts';
export { type TreeView, treeViewCodec } from './keytrans/tree-view.ts';
export * from './keytrans/update-messages.ts';
export { type VerifiedContactMonitor, verifyContactMonitor } from './keytrans/verify-contact-monitor.ts';
export { type CredentialContext, type VerifiedCredential, verifyCredential } from './keytrans/verify-credential.ts';
export { type VerifiedDistinguished, verifyDistinguished } from './keytrans/verify-distinguished.ts';
export { type VerifiedLookup, verifyLookup } from './keytrans/verify-lookup.ts';
export { type VerifiedSearch, type VerifyContext, verifySearch } from './keytrans/verify-search.ts';
export { type VerifiedOwnerInit, verifyOwnerInit } from './keytrans/verify-owner-init.ts';
export { type VerifiedStanding, verifyStanding } from './keytrans/verify-standing.ts';
export { ownerMonitorRequest, type VerifiedOwnerMonitor, verifyOwnerMonitor } from './keytrans/verify-owner-monitor.ts';
export { type CreatedVersion, type VerifiedUpdate, verifyOwnerUpdate } from './keytrans/verify-owner-update.ts';
