/** An application token; only its SHA-256 is stored. */
export interface TokenRow {
  readonly id: number;
  readonly tokenHash: Uint8Array;
  readonly name: string;
  readonly createdMs: number;
  readonly revokedMs: number | undefined;
}

/** Where a log's audit trail ends. */
export interface TrailHead {
  /** Number of records. */
  readonly size: number;
  /** Hash of the last one, 32 bytes. */
  readonly hash: Uint8Array;
}

/** One record of the audit trail: what one transaction did. */
export interface TrailRecord {
  /** From 0, without gaps. */
  readonly sequence: number;
  /** One act on each line, JSON. */
  readonly acts: string;
  /** SHA-256 over the record and the hash of the one before, 32 bytes. */
  readonly hash: Uint8Array;
}

/** What an erasure deleted. */
export interface ErasedRows {
  readonly versions: number;
  readonly certificates: number;
}

/** A code that was sent to an e-mail address; only its SHA-256 is stored. */
export interface EmailChallengeRow {
  /** 16 random bytes. */
  readonly challengeId: Uint8Array;
  readonly labelKey: Uint8Array;
  /** The key that it vouches for. */
  readonly spkiSha256: Uint8Array;
  readonly codeHash: Uint8Array;
  readonly createdMs: number;
  readonly expiresMs: number;
}

/**
 * What becomes of a recovery: `waiting` for its delay, as a version of the log says; `undecided`, since it was vetoed so often that
 * the operator decides; `granted` by the operator.
 */
export type RecoveryState = 'waiting' | 'undecided' | 'granted';

/** A recovery that was asked for and is not settled. */
export interface RecoveryRow {
  readonly labelKey: Uint8Array;
  /** Canonical. */
  readonly identity: string;
  /** DER: what the certificate will be made from. */
  readonly csr: Uint8Array;
  readonly spkiSha256: Uint8Array;
  /** The encoded `Evidence` that vouched. */
  readonly evidence: Uint8Array;
  readonly state: RecoveryState;
  readonly requestedMs: number;
  /** When its owner was told; undefined: not yet. */
  readonly notifiedMs: number | undefined;
  /** Why the operator granted it. */
  readonly reason: string | undefined;
}
