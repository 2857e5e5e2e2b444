/**
 * Glasskey's client library: looks up identities, verifies certificates, registers and changes keys, audits the log.
 * Runs in Node and in browsers.
 */
export { auditLog, type AuditOptions, type AuditReport } from './audit/audit-log.ts';
export { type EvidenceProof } from './audit/evidence-proof.ts';
export { formatEvidence, parseEvidence } from './evidence/evidence-text.ts';
export { type ProvenMisbehaviour, verifyEvidence } from './evidence/verify-evidence.ts';
export { type BindingChange, type BoundCertificate, type VerifiedBinding } from './binding/binding.ts';
export { type CompanionKeys } from '../ca/companion-keys.ts';
export { type CompanionKind } from '../ca/companion-secret.ts';
export {
  type ClientKey,
  type DeviceKey,
  generateKey,
  importKey,
  type NewKey,
  oidcNonce,
  type StoredKey,
} from './client-key.ts';
export { companionKeysOf, type CompanionSecrets } from './keys/companion-secrets.ts';
export { type PlatformKey, type PlatformKeyPair } from './keys/platform-keys.ts';
export {
  type Alert,
  type ClientState,
  EMPTY_STATE,
  type KnownContact,
  MemoryState,
  type MonitoredVersion,
  type OwnedLabel,
  type OwnedOrigin,
  type OwnedVersion,
  type PendingCredential,
  type StateChange,
  type StateStore,
} from './state/client-state.ts';
export { formatClientState, parseClientState } from './state/client-state-json.ts';
export { createCsr } from './csr.ts';
export { type IssuedCertificate } from './binding/issued-certificate.ts';
export {
  type AcceptedNote,
  type CheckpointAgreement,
  type EmailCode,
  KeyDirectory,
  type KeyDirectoryOptions,
  type LookupOutcome,
  type LookupResult,
  type MonitoringDue,
  type Recovery,
  type WatchOrder,
} from './key-directory.ts';
export { MonitoringSchedule, type MonitoringScheduleOptions } from './monitoring-schedule.ts';
export {
  DEFAULT_SEAL_COST,
  openSealedState,
  type SealCost,
  type SealOptions,
  sealState,
} from './state/sealed-state.ts';
export { exportState, importState, type ImportOptions } from './state/state-transfer.ts';
export { ServerRefusal } from './transport.ts';
export { type MandateAnswer, WatcherClient, type WatcherDescription } from './watcher-client.ts';
export { type ErrorCode, type Fault } from '../core/error-codes.ts';
export { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
export { fingerprint } from '../contract/bundle-signature.ts';
export { formatTrustBundle, parseTrustBundle } from '../contract/parse-trust-bundle.ts';
export { type SignedTrustBundle, type TrustBundle } from '../contract/trust-bundle.ts';
