/**
 * MLS (RFC 9420) with ts-mls 1.x, authenticated by a Glasskey log: `glasskey/mls` and `glasskey-client/mls`. ts-mls is
 * an optional peer.
 */
export {
  type CommitReport,
  type CommitSeen,
  type GroupDevice,
  type GroupTree,
  type ProposalSeen,
  type RemovedDevice,
  type ReplacedDevice,
} from './check-commit.ts';
export { type MlsAuthenticationOptions, type MlsEvent } from './credential-judge.ts';
export { deviceSuite } from './device-suite.ts';
export { type AcceptedCredential, type CredentialJudgement, type RefusedCredential } from './judgement.ts';
export {
  credentialOf,
  type DeviceCertificate,
  type KeyPackageOptions,
  makeKeyPackage,
  type MlsDevice,
  type NewKeyPackage,
} from './key-package.ts';
export { type MemberClaim } from './member-credential.ts';
export { type ConfigBase } from './client-config.ts';
export { type Processed, type Processing, type Reported } from './commit-steps.ts';
export { type ExternallyJoined, type ExternalJoining, type Joining } from './join-steps.ts';
export { type GroupSender } from './message-sender.ts';
export { MlsAuthentication } from './mls-authentication.ts';
export { type Replacement } from './replace-credential.ts';
export {
  proposeRemovals,
  type ProposedRemovals,
  type RefusedMember,
  type Roster,
  type RosterMember,
} from './roster.ts';
