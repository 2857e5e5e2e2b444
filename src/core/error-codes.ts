/**
 * The party at fault for an error.
 *
 * - `decode`: bytes from outside are not a canonical encoding.
 * - `verification`: a proof, signature or chain does not hold: somebody lies, or data is corrupt.
 * - `usage`: the caller (a client of the API, or a programmer) asked for something impossible.
 * - `authentication`: the caller did not prove its identity, or may not do what it asks.
 * - `conflict`: the request contradicts the current state of the log.
 * - `absent`: the thing asked for does not exist, or no longer does.
 * - `overload`: try again later.
 * - `network`: the other side was unreachable or did not follow the protocol.
 * - `storage`: the database or the disk failed, or holds invalid data.
 * - `internal`: a bug in Glasskey.
 */
export type Fault =
  | 'decode'
  | 'verification'
  | 'usage'
  | 'authentication'
  | 'conflict'
  | 'absent'
  | 'overload'
  | 'network'
  | 'storage'
  | 'internal';

/**
 * Every error code of Glasskey, with its {@link Fault}. Codes are stable: problem+json, exit codes and client programs
 * contain them. Keep the list sorted by room, then by name.
 */
export const ERROR_CODES = {
  // core: encoding
  'malformed-encoding': 'decode',
  'value-out-of-range': 'usage',

  // core: crypto
  'bad-key': 'verification',
  'bad-signature': 'verification',
  'bad-vrf-proof': 'verification',

  // core: trees and proofs
  'bad-log-proof': 'verification',
  'bad-prefix-proof': 'verification',
  'bad-ladder': 'verification',
  'bad-commitment': 'verification',
  'bad-tree-head': 'verification',
  'bad-timestamp': 'verification',
  'tree-head-too-old': 'verification',
  'tree-head-too-new': 'verification',
  'tree-rolled-back': 'verification',
  'view-mismatch': 'verification',
  'proof-exhausted': 'verification',
  'proof-left-over': 'verification',
  'version-mismatch': 'verification',
  'version-rolled-back': 'verification',
  'unexpected-version': 'verification',
  'version-expired': 'absent',
  'unknown-head': 'verification',
  'credential-expired': 'verification',
  'unsupported-suite': 'usage',
  'prefix-key-exists': 'conflict',

  // core: audit log
  'bad-auditor-update': 'verification',
  'bad-audit-entry': 'verification',
  'bad-checkpoint': 'verification',
  'bad-log-end': 'verification',
  'bad-note': 'decode',
  'bad-policy': 'usage',
  'bad-tlog-proof': 'verification',
  'log-forked': 'verification',
  'continued-after-end': 'verification',
  'not-witnessed': 'verification',

  // identity
  'invalid-identity': 'usage',
  'bad-record': 'verification',
  'bad-chain': 'verification',
  'bad-change-signature': 'verification',

  // ca
  'bad-csr': 'usage',
  'bad-proof-of-possession': 'usage',
  'weak-key': 'usage',
  'csr-identity-mismatch': 'usage',
  'bad-certificate': 'verification',
  'certificate-revoked': 'verification',
  'certificate-expired': 'verification',
  'certificate-not-in-record': 'verification',
  'untrusted-issuer': 'verification',
  'bad-key-file': 'usage',
  'hsm-refused': 'usage',
  'hsm-unavailable': 'overload',
  'lint-failed': 'internal',

  // contract: trust bundle
  'bad-bundle': 'verification',
  'bundle-changed': 'verification',
  'fingerprint-mismatch': 'verification',
  'log-replaced': 'verification',
  'log-reset': 'usage',
  'other-log': 'usage',
  /** The log requires of its clients something that this one does not have. */
  'unsupported-log': 'usage',

  // service
  'invalid-request': 'usage',
  'unsupported-media-type': 'usage',
  'payload-too-large': 'usage',
  'not-found': 'absent',
  'method-not-allowed': 'usage',
  unauthenticated: 'authentication',
  forbidden: 'authentication',
  'token-refused': 'authentication',
  'code-refused': 'authentication',
  'attestation-refused': 'authentication',
  denied: 'authentication',
  'issuer-unavailable': 'overload',
  'webhook-unavailable': 'overload',
  'mail-unavailable': 'overload',
  'change-required': 'conflict',
  /** A recovery of the identity is pending: until it is settled, only a key of the identity can change it. */
  'recovery-pending': 'conflict',
  'change-rejected': 'conflict',
  /** Another key asked for the recovery than the one that the operator decided about. */
  'other-key': 'conflict',
  'version-conflict': 'conflict',
  'no-such-certificate': 'absent',
  'identity-not-found': 'absent',
  erased: 'absent',
  'search-not-found': 'absent',
  'unsupported-operation': 'usage',
  'rate-limited': 'overload',
  'too-far-behind': 'overload',
  'not-audited': 'overload',
  overloaded: 'overload',
  'timed-out': 'overload',
  'shutting-down': 'overload',
  'clock-skew': 'storage',
  'log-rolled-back': 'storage',
  'release-stalled': 'overload',
  'log-ended': 'absent',

  // store
  'storage-failed': 'storage',
  'storage-corrupt': 'storage',
  'storage-locked': 'storage',
  /** Rows that are committed cannot be seen on every node of a distributed database yet. */
  'not-visible-yet': 'overload',
  'storage-unsafe': 'storage',
  /** A row that authorises something was not written by this log: see docs/spec.md#sealed-rows. */
  'unsealed-row': 'storage',
  /** The rows without a seal are no longer those that the administrator looked at. */
  'rows-changed': 'conflict',
  'trail-broken': 'verification',
  'head-moved': 'conflict',
  'trail-moved': 'conflict',
  'published-differs': 'conflict',

  // client
  'network-failed': 'network',
  'bad-response': 'network',
  /** A copy of a log shows what the log has not signed. */
  'copy-damaged': 'network',
  'request-refused': 'usage',
  'state-locked': 'storage',
  'state-corrupt': 'storage',
  'state-knows-more': 'conflict',
  'state-too-new': 'storage',
  'bad-evidence': 'usage',
  'not-proven': 'usage',
  /** The keys of a name changed, and the user has not acknowledged it. */
  'keys-changed': 'conflict',
  'no-companion-key': 'absent',
  'bad-message': 'verification',
  'not-for-this-key': 'absent',
  /** The JavaScript runtime lacks something that the operation needs: nothing is said about any server. */
  'platform-unsupported': 'usage',
  'wrong-passphrase': 'usage',
  /** A message or media of a call belongs to another call than the one that both sides signed. */
  'call-mismatch': 'verification',
  'bad-frame': 'verification',
  'unknown-frame-key': 'absent',
  usage: 'usage',

  internal: 'internal',
} as const satisfies Record<string, Fault>;

/** A stable error code. */
export type ErrorCode = keyof typeof ERROR_CODES;
