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
  /** What the trail is to say of it once it is settled: an encoded act. */
  readonly act?: string | undefined;
}

/** A queued submission. Ids rise in the order in which submissions became durable, roughly. */
export interface SubmissionRow extends NewSubmission {
  readonly id: number;
}

/** What became of a submission. */
export type SubmissionOutcome =
  | { readonly id: number; readonly state: 'queued' }
  | { readonly id: number; readonly state: 'sequenced'; readonly position: number }
  | { readonly id: number; readonly state: 'rejected'; readonly code: string };

/**
 * The right to make one version of one label: inserted before anything is signed, under a unique key
 * (log, label, version), so that of two requests only one goes on (DESIGN §8).
 */
export interface NewIntent {
  readonly labelKey: Uint8Array;
  readonly version: number;
  /** SHA-256 over what was asked (identity, CSR, change): the same request again finds its own intent. */
  readonly requestHash: Uint8Array;
  readonly createdMs: number;
}

export type IntentState = 'open' | 'submitted' | 'sequenced' | 'failed';

export interface IntentRow extends NewIntent {
  readonly state: IntentState;
  /** Serial of the certificate signed under it, if any, as lower-case hex. */
  readonly serial: string | undefined;
  readonly submissionId: number | undefined;
}

/** A certificate that was signed. */
export interface CertificateRow {
  /** Lower-case hex, no leading zeros beyond whole bytes. */
  readonly serial: string;
  readonly labelKey: Uint8Array;
  /** First version whose record holds it. */
  readonly version: number;
  readonly der: Uint8Array;
  readonly spkiSha256: Uint8Array;
  /** The request that it answers: see {@link NewIntent.requestHash}. */
  readonly requestHash: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** When it was revoked, and why (RFC 5280 reason code). */
  readonly revokedMs: number | undefined;
  readonly revocationReason: number | undefined;
}

/** A certificate in a list, with the name that it is for. */
export interface ListedCertificate extends CertificateRow {
  /** The plaintext label; undefined once erased, or while the name has no version in the log. */
  readonly label: Uint8Array | undefined;
  /** Whether the log has come to {@link CertificateRow.version} of the label. */
  readonly isLogged: boolean;
}

/** A window of a table in the order of its key: the rows of it that match, and where the next one begins. */
export interface Page<Row, Key> {
  readonly rows: readonly Row[];
  /** Key of the last row that was looked at; undefined where there are no more. */
  readonly next: Key | undefined;
}

/** Which window to look at. */
export interface PageRequest<Key> {
  /** `next` of the window before; undefined for the first one. */
  readonly after: Key | undefined;
  /** Rows that are looked at: the work of one statement is bounded, however few match. */
  readonly limit: number;
  /** Only rows whose plaintext label contains these bytes. */
  readonly search: Uint8Array | undefined;
}

/** Some revoked certificates, by their serials. */
export interface SerialRange {
  /** First and last serial, lower-case hex. */
  readonly first: string;
  readonly last: string;
  /** At most so many of them. */
  readonly limit: number;
  /** Only those whose certificates ended before. Default: all. */
  readonly expiredBeforeMs?: number | undefined;
}

/** A certificate to be put on the CRL. */
export interface Revocation {
  readonly serial: string;
  readonly revokedMs: number;
  readonly reason: number;
}
