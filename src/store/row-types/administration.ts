import type { emailChallenges, recoveries, tokens, trail, trailHeads } from '../schema.ts';
import type { StoredRow } from '../stored-row.ts';

/** An application token; only its SHA-256 is stored. */
export interface TokenRow extends StoredRow<typeof tokens, 'tokenId'> {
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
export type EmailChallengeRow = StoredRow<typeof emailChallenges, 'attempts'>;

/** A requested recovery that is not settled. */
export type RecoveryRow = StoredRow<typeof recoveries>;
