import type { LogEnd } from '../../core/audit/log-end.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import type { Transport } from '../transport.ts';
import type { Trust } from '../trust.ts';

/** The context of a client's operations: the server, the trust bundle that it is held to, and the time. */
export interface Operation {
  readonly transport: Transport;
  readonly trust: Trust;
  /** ms since the epoch. */
  readonly now: () => number;
  /** The end of the log; filled in once it is verified. */
  readonly ending: Ending;
}

/** The verified end of a log. */
export interface VerifiedEnd extends LogEnd {
  /** Timestamp of the last entry, ms since the epoch. */
  readonly timestampMs: number;
  /** Root of the KEYTRANS log tree with all its entries. */
  readonly logRoot: Uint8Array;
}

/** The end of the log, or undefined while the client knows of none. */
export interface Ending {
  end: VerifiedEnd | undefined;
}

/** One step of an operation: reads the state, and returns a result and what the state becomes. */
export type Work<T> = (operation: Operation, state: ClientState) => Promise<StateChange<T>>;

/** Runs one step on the state. If it throws, the state stays as it was. */
export type Run = <T>(work: Work<T>) => Promise<T>;

/** Returns the time by which a tree head must be recent, ms: now, or that of the last entry if the log has ended. */
export function headTime({ now, ending: { end } }: Operation): number {
  return end === undefined ? now() : Math.min(now(), end.timestampMs);
}
