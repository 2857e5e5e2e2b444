/** Glasskey's core for programs that speak KEYTRANS or read the audit log themselves: pure, without I/O. */
export { type ErrorCode, type Fault } from './error-codes.ts';
export { GlasskeyError, isGlasskeyError } from './errors.ts';
export { decode, encode } from './encoding/codec.ts';
export { cipherSuite, type CipherSuite } from './crypto/cipher-suite.ts';
export { commit, type CommitmentValue, verifyCommitment } from './crypto/commitment.ts';
export { type Configuration, configurationCodec } from './keytrans/configuration.ts';
export * from './keytrans/messages.ts';
export * from './keytrans/proofs.ts';
export { type TreeHead, verifyTreeHead } from './keytrans/tree-head.ts';
export { type TreeView, treeViewCodec } from './keytrans/tree-view.ts';
export { type VerifiedLookup, verifyLookup } from './keytrans/verify-lookup.ts';
export { type VerifiedSearch, type VerifyContext, verifySearch } from './keytrans/verify-search.ts';
