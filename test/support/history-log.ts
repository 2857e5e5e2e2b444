import { expect, vi } from 'vitest';
import type { LogStore } from '../../src/store/ports.ts';
import { csrFor, type DeviceKey, identityOf, keysOf, newDeviceKey, seenVersion, signChange } from './owner.ts';
import { createTestLog, type TestLog, type TestLogOptions } from './test-log.ts';

/** A log whose labels have histories. */
export interface HistoryLog extends TestLog {
  readonly names: readonly string[];
  /** Registers, or rotates to a new key; the answer comes with the next step of the sequencer. */
  submit(name: string): Promise<{ readonly answer: Promise<unknown> }>;
  /** Appends one entry, `ms` after the last. */
  step(ms?: number): Promise<void>;
  /** Reads of the store since this was last set, but for prefix tiles: how deep these lie is chance. */
  trips: number;
}

/** What differs from log to log. */
export interface HistoryLogOptions extends TestLogOptions {
  /** Labels: the first stays absent, each later one has more versions than the one before. Default 12. */
  readonly labels?: number;
  /** Default: as many as there are labels. */
  readonly rounds?: number;
  /** Entries of a round, the changes in the first. Default 4. */
  readonly entriesPerRound?: number;
  /** Time between entries. Default 17 minutes. */
  readonly spacingMs?: number;
  /** Told before the first round. */
  readonly onCreated?: (log: HistoryLog) => Promise<void>;
  /** Told after every entry. */
  readonly onEntry?: (log: HistoryLog) => Promise<void>;
}

const SPACING_MS = 17 * 60_000;

/** Makes a log that is stepped by hand, whose label i has about i versions; entries go over more than one window. */
export async function createHistoryLog(options: HistoryLogOptions = {}): Promise<HistoryLog> {
  const { labels = 12, rounds = labels, entriesPerRound = 4, spacingMs = SPACING_MS } = options;
  const log = await HistoryBuilder.create(options, labels);
  await options.onCreated?.(log);
  for (let round = 0; round < rounds; round++) {
    const answers: Promise<unknown>[] = [];
    for (const [i, name] of log.names.entries()) {
      if (i > 0 && round % (labels + 1 - i) === 0) answers.push((await log.submit(name)).answer);
    }
    for (let entry = 0; entry < entriesPerRound; entry++) {
      await log.step(spacingMs);
      await options.onEntry?.(log);
    }
    await Promise.all(answers);
  }
  return log;
}

class HistoryBuilder implements HistoryLog {
  readonly names: readonly string[];
  readonly store;
  readonly context;
  readonly service;
  readonly clock;
  readonly events;
  readonly token;
  readonly options;
  readonly close: () => Promise<void>;
  trips = 0;
  readonly #keys = new Map<string, DeviceKey>();

  private constructor(log: TestLog, labels: number) {
    this.store = log.store;
    this.context = log.context;
    this.service = log.service;
    this.clock = log.clock;
    this.events = log.events;
    this.token = log.token;
    this.options = log.options;
    this.close = log.close;
    this.names = Array.from({ length: labels }, (_, i) => `user${i}@example.com`);
  }

  static async create(options: HistoryLogOptions, labels: number): Promise<HistoryBuilder> {
    const counter: { of?: HistoryBuilder } = {};
    const count = (): void => {
      if (counter.of !== undefined) counter.of.trips++;
    };
    const wrap = (store: LogStore): LogStore => counting(options.wrap?.(store) ?? store, count);
    // A look at a standstill would be counted as a read of an operation.
    const limits = { heartbeatMs: 60_000, standstillMs: 24 * 3_600_000, ...options.limits };
    counter.of = new HistoryBuilder(await createTestLog({ loop: false, ...options, wrap, limits }), labels);
    return counter.of;
  }

  async submit(name: string): Promise<{ readonly answer: Promise<unknown> }> {
    const { service, context, token } = this;
    const key = await newDeviceKey();
    const old = this.#keys.get(name);
    this.#keys.set(name, key);
    let change;
    if (old !== undefined) {
      const { label } = identityOf(name);
      const proof = await service.prover.search({ last: undefined, label, version: undefined });
      change = await signChange(name, seenVersion(name, proof), old, [key.spkiSha256]);
      expect(keysOf(seenVersion(name, proof).record)).toEqual([old.spkiSha256]);
    }
    const before = await context.store.queueDepth();
    const csr = await csrFor(key, name);
    const answer = service.issue({ identity: name, csr, token, change, last: undefined });
    await vi.waitFor(async () => expect(await context.store.queueDepth()).toBe(before + 1), {
      interval: 2,
      timeout: 60_000,
    });
    return { answer };
  }

  async step(ms = SPACING_MS): Promise<void> {
    this.clock.advance(ms);
    await this.service.sequencer.step();
  }
}

/** Tells of each read, which is one round trip. */
function counting(store: LogStore, count: () => void): LogStore {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (String(name).startsWith('read') && name !== 'readPrefixTiles') count();
        return (value as (...a: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}
