import type { VerifyUpdates } from '../client/audit/verify-updates.ts';
import type { Run } from '../client/operations/operation.ts';
import type { IdentityRules } from '../identity/identity.ts';
import type { Deliverer } from '../delivery/deliverer.ts';
import type { WatchEvent } from './watch-event.ts';
import type { WatchStore } from './watch-store.ts';

/** Bounds of a watcher. */
export interface WatchLimits {
  /** Most names. */
  readonly names: number;
  /** Bytes of records from which on no further name is taken. */
  readonly recordBytes: number;
  /** Longest time from now to the end of a mandate, ms. */
  readonly mandateMs: number;
  /** Time for which an address that a later mandate no longer names is still told, ms. */
  readonly formerMs: number;
  /** Time after which an added version that the server does not show is told, ms. */
  readonly unshownMs: number;
  /** Time without a verified round after which owners are told that nobody watches, ms. */
  readonly blindMs: number;
}

/** Default bounds; `blindMs` is the log's monitoring window. */
export const WATCH_LIMITS: Omit<WatchLimits, 'blindMs'> = {
  names: 100_000,
  recordBytes: 512 * 1024 * 1024,
  mandateMs: 400 * 86_400_000,
  formerMs: 30 * 86_400_000,
  unshownMs: 10 * 60_000,
};

/** Everything that the parts of one watcher share. */
export interface WatchContext {
  /** The log's origin. */
  readonly origin: string;
  readonly identityRules: IdentityRules;
  /** The watcher's public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The URL at which owners reach the watcher, without a final slash. */
  readonly url: string;
  readonly store: WatchStore;
  /** Runs a step on the client state with which the watcher follows the log. */
  readonly run: Run;
  readonly deliverer: Pick<Deliverer, 'deliver' | 'challenge' | 'has'>;
  readonly limits: WatchLimits;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Secure random bytes. */
  readonly random: (length: number) => Uint8Array;
  readonly observe: (event: WatchEvent) => void;
  /** Threads that verify AuditorUpdates; default: none. */
  readonly threads?: { readonly verifyUpdates: VerifyUpdates; readonly jobs: number } | undefined;
}
