import type { Transport } from '../transport.ts';
import type { Trust } from '../trust.ts';

/** What every operation of a client works with: the server, whom to trust, and the time. */
export interface Operation {
  readonly transport: Transport;
  readonly trust: Trust;
  /** ms since the epoch. */
  readonly now: () => number;
}
