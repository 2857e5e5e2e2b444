import type { LogEnd } from '../../core/audit/log-end.ts';
import type { Transport } from '../transport.ts';
import type { Trust } from '../trust.ts';

/** What every operation of a client works with: the server, whom to trust, and the time. */
export interface Operation {
  readonly transport: Transport;
  readonly trust: Trust;
  /** ms since the epoch. */
  readonly now: () => number;
  /** What is known of the end of the log; filled in once that is verified. */
  readonly ending: Ending;
}

/** The end of a log, found in the log. */
export interface VerifiedEnd extends LogEnd {
  /** Timestamp of the last entry, ms since the epoch. */
  readonly timestampMs: number;
  /** Root of the KEYTRANS log tree with all its entries. */
  readonly logRoot: Uint8Array;
}

/** Whether the log has ended, as far as a client knows. */
export interface Ending {
  end: VerifiedEnd | undefined;
}

/** The time by which a tree head must be recent, ms: where the log has ended, that of its last entry. */
export function headTime({ now, ending: { end } }: Operation): number {
  return end === undefined ? now() : Math.min(now(), end.timestampMs);
}
