import type { certificates, intents } from '../schema.ts';
import type { StoredRow } from '../stored-row.ts';

/** A version waiting to be sequenced. */
export interface NewSubmission {
  readonly labelKey: Uint8Array;
  readonly label: Uint8Array;
  readonly version: number;
  readonly vrfOutput: Uint8Array;
  readonly vrfProof: Uint8Array;
  readonly opening: Uint8Array;
  readonly value: Uint8Array;
  readonly commitment: Uint8Array;
  /** The encoded act that goes to the trail once it is settled. */
  readonly act?: string | undefined;
}

/** A queued submission. Ids rise in the order in which submissions became durable, roughly. */
export interface SubmissionRow extends NewSubmission {
  readonly id: number;
  /** True if its seal is missing or wrong: it must be rejected. */
  readonly isUnsealed?: true;
}

/** The outcome of a submission. */
export type SubmissionOutcome =
  | { readonly id: number; readonly state: 'queued' }
  | { readonly id: number; readonly state: 'sequenced'; readonly position: number }
  | { readonly id: number; readonly state: 'rejected'; readonly code: string };

/** An intent in the database: see {@link NewIntent}. */
export interface IntentRow extends StoredRow<typeof intents, 'serial'> {
  /** Serial of the certificate signed under it, if any, as lower-case hex. */
  readonly serial: string | undefined;
}

/**
 * The right to make one version of one label. It is inserted before anything is signed, under a unique key (log, label,
 * version), so that only one of two requests goes on (`docs/architecture.md#one-registration`).
 */
export type NewIntent = Pick<IntentRow, 'labelKey' | 'version' | 'requestHash' | 'createdMs'>;

export type IntentState = IntentRow['state'];

/** A signed certificate. */
export interface CertificateRow extends StoredRow<typeof certificates, 'serial'> {
  /** Lower-case hex, no leading zeros beyond whole bytes. */
  readonly serial: string;
  /** Time of its revocation. */
  readonly revokedMs: number | undefined;
  /** RFC 5280 reason code of its revocation. */
  readonly revocationReason: number | undefined;
}

/** A certificate in a list, with the name that it is for. */
export interface ListedCertificate extends CertificateRow {
  /** The plaintext label; undefined once erased, or while the name has no version in the log. */
  readonly label: Uint8Array | undefined;
  /** True once the log has {@link CertificateRow.version} of the label. */
  readonly isLogged: boolean;
}

/** A window of a table in the order of its key: its rows that match, and the start of the next window. */
export interface Page<Row, Key> {
  readonly rows: readonly Row[];
  /** Key of the last row in the window; undefined if no rows follow it. */
  readonly next: Key | undefined;
}

/** The window to read. */
export interface PageRequest<Key> {
  /** `next` of the window before; undefined for the first one. */
  readonly after: Key | undefined;
  /** Rows in the window: bounds the work of one statement, however few rows match. */
  readonly limit: number;
  /** Only rows whose plaintext label contains these bytes. */
  readonly search: Uint8Array | undefined;
}

/** Some revoked certificates, by their serials. */
export interface SerialRange {
  /** First and last serial, lower-case hex. */
  readonly first: string;
  readonly last: string;
  /** Maximum of serials in one answer. */
  readonly limit: number;
  /** Only those whose certificates expired before. Default: all. */
  readonly expiredBeforeMs?: number | undefined;
}

/** An entry of the CRL. */
export interface Revocation {
  readonly serial: string;
  readonly revokedMs: number;
  readonly reason: number;
}
