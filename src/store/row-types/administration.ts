import type {
  acmeAccounts,
  acmeOrders,
  emailChallenges,
  notifyBooks,
  recoveries,
  tokens,
  trail,
  trailHeads,
} from '../schema.ts';
import type { StoredRow } from '../stored-row.ts';

/** An application token; only its SHA-256 is stored. */
export interface TokenRow extends StoredRow<typeof tokens, 'tokenId' | 'mac'> {
  readonly id: number;
}

/** The end of a log's audit trail. */
export type TrailHead = StoredRow<typeof trailHeads>;

/** One record of the audit trail: the acts of one transaction. */
export type TrailRecord = StoredRow<typeof trail>;

/** The number of rows that an erasure emptied or deleted. */
export interface ErasedRows {
  readonly versions: number;
  readonly certificates: number;
}

/** A code that was sent to an e-mail address; only its SHA-256 is stored. */
export type EmailChallengeRow = StoredRow<
  typeof emailChallenges,
  'attempts' | 'usedVersion' | 'usedCommitment' | 'mac'
>;

/** The next version of a label, and the commitment of the version before. */
export interface NextPlace {
  readonly version: number;
  readonly previousCommitment: Uint8Array;
}

/** A requested recovery that is not settled. */
export type RecoveryRow = StoredRow<typeof recoveries, 'mac'>;

/** A recovery that was just requested. */
export type NewRecovery = Omit<RecoveryRow, 'notifiedMs' | 'reason' | 'grantedVersion' | 'grantedCommitment'>;

/** The operator's word for a recovery, and the version of the label at which it was given. */
export interface RecoveryGrant {
  readonly reason: string;
  readonly version: number;
  readonly commitment: Uint8Array;
}

/** A recovery in a list. */
export interface ListedRecoveryRow extends RecoveryRow {
  /** True if its seal is missing or wrong: it authorises nothing. */
  readonly isUnsealed?: true;
}

/** The addresses where the owner of a label is told of changes, encrypted. */
export type NotifyBookRow = StoredRow<typeof notifyBooks>;

/** The means to seal rows that authorise something. */
export interface RowSealing {
  /** 32 secret bytes, the same on every server of the log. */
  readonly key: Uint8Array;
  readonly origin: string;
  /**
   * Returns true while servers of an older program write to the database: rows without a valid seal count too. Asked
   * for each such row, so that a running server learns of the end.
   */
  readonly acceptsUnsealed: () => boolean;
  /** Learns of every row that was refused, by its table. */
  readonly refused: (table: string) => void;
}

/** A row that authorises something, without the seal of this log. */
export interface UnsealedRow {
  readonly table: string;
  /** Its primary key inside the log, as text. */
  readonly key: string;
  /** The right that it gives, for an administrator. */
  readonly about: string;
  /** The name that it concerns, by its label key, and the label that the database says for it: untrusted. */
  readonly name?: { readonly labelKey: Uint8Array; readonly label: Uint8Array | undefined } | undefined;
  /** The record of a queued version. */
  readonly record?: Uint8Array | undefined;
  /**
   * The seal that fits this content and no other. Secret until it is written: it makes the row count. Undefined for the
   * head, which moves all the time: the log's signatures prove it.
   */
  readonly seal: Uint8Array | undefined;
}

/** An account of an ACME client. */
export type AcmeAccountRow = StoredRow<typeof acmeAccounts, 'mac'>;

/** An order of an ACME client. */
export type AcmeOrderRow = StoredRow<typeof acmeOrders, 'mac'>;
