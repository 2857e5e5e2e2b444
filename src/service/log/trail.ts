import { createHash } from 'node:crypto';
import { encodeUtf8 } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import type { LogStore, TrailHead, TrailRecord } from '../../store/ports.ts';
import type { Act } from './act.ts';

/** Attempts to write a record whose number another process took. */
const ATTEMPTS = 10;

/**
 * Returns the hash before record 0. It depends on the log, so that the trail of another log cannot replace this one.
 */
export function trailGenesis(origin: string): Uint8Array {
  return hashOf('glasskey trail v1', encodeUtf8(origin));
}

/** Returns the hash of a record: over its number, its acts and the hash of the one before. */
export function trailHash(previous: Uint8Array, sequence: number, acts: string): Uint8Array {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(sequence));
  return hashOf('glasskey trail record v1', number, previous, encodeUtf8(acts));
}

function hashOf(domain: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256').update(`${domain}\0`);
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** Options of a {@link Trail}. */
export interface TrailOptions {
  readonly store: LogStore;
  readonly origin: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Writes the audit trail of a log: an append-only chain of records, each in the transaction of its acts. Acts of one
 * transaction (all versions of an append) share a record. The chain has no lock: if two processes write at once, the
 * second finds its record's number taken, and tries again behind the first.
 */
export class Trail {
  readonly #options: TrailOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: TrailOptions) {
    this.#options = options;
  }

  /**
   * Runs `write`, which makes something durable and writes its record in the same transaction. It runs again if it
   * throws `trail-moved`. One at a time in this process.
   */
  record<T>(acts: readonly Act[], write: (record: TrailRecord) => Promise<T>): Promise<T> {
    const run = this.#last.then(() => this.#record(acts, write));
    this.#last = run.catch(() => undefined);
    return run;
  }

  async #record<T>(acts: readonly Act[], write: (record: TrailRecord) => Promise<T>): Promise<T> {
    const { now } = this.#options;
    const lines = acts.map(({ at = now(), ...act }) => JSON.stringify({ at, ...act })).join('\n');
    for (let attempt = 1; ; attempt++) {
      const { size, hash: previous } = await this.#readHead();
      const record = { sequence: size, acts: lines, hash: trailHash(previous, size, lines) };
      try {
        return await write(record);
      } catch (error) {
        if (!isGlasskeyError(error, 'trail-moved') || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async #readHead(): Promise<TrailHead> {
    const { store, origin } = this.#options;
    return (await store.readTrailHead()) ?? { size: 0, hash: trailGenesis(origin) };
  }
}
