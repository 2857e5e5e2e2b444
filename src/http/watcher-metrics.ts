import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { isGlasskeyError } from '../core/errors.ts';
import type { WatchEvent } from '../watch/watch-event.ts';

/** The numbers that a watcher's metrics read at each request. */
export interface WatchNumbers {
  readonly names: number;
  readonly keys: number;
  readonly queued: number;
  /** ms; undefined before the first verified round. */
  readonly verifiedMs: number | undefined;
}

/** The metrics of a watcher, in Prometheus's text format. No label names a watched name or an address. */
export class WatcherMetrics {
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];
  readonly #names = this.#gauge('glasskey_watch_names', 'Names that are watched');
  readonly #keys = this.#gauge('glasskey_watch_keys', 'Search keys that are watched');
  readonly #queued = this.#gauge('glasskey_watch_queued_notices', 'Notices that wait for their delivery');
  readonly #size = this.#gauge('glasskey_watch_verified_size', 'Log entries that are audited');
  readonly #lag = this.#gauge('glasskey_watch_lag_seconds', 'Age of the last round in which all of the log verified');
  readonly #blind = this.#gauge('glasskey_watch_blind', '1 if owners were told that nobody watches: must be 0');
  readonly #updates = this.#counter('glasskey_watch_updates_total', 'Label versions verified by this process');
  readonly #added = this.#counter('glasskey_watch_added_total', 'Watched names of which the log added a version');
  readonly #told = this.#counter('glasskey_watch_told_total', 'Versions told to owners', ['wording']);
  readonly #deliveries = this.#counter('glasskey_watch_deliveries_total', 'Attempts at deliveries', ['outcome']);
  readonly #mandates = this.#counter('glasskey_watch_mandates_total', 'Mandates taken up and ended', ['change']);
  readonly #alarms = this.#counter('glasskey_watch_alarms_total', 'Alarms about the log: must be 0', ['code']);
  readonly #failures = this.#counter('glasskey_watch_failures_total', 'Failed rounds and looks', ['work', 'code']);

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Counts an event of the watcher. */
  readonly observe = (event: WatchEvent): void => {
    switch (event.type) {
      case 'verified':
        this.#size.set(event.size);
        return this.#updates.inc(event.updates);
      case 'progress':
        return this.#size.set(event.done);
      case 'added':
        return this.#added.inc(event.count);
      case 'told':
        return this.#told.inc({ wording: event.wording });
      case 'delivery':
        return this.#deliveries.inc({ outcome: event.outcome });
      case 'mandate':
        return this.#mandates.inc({ change: event.change });
      case 'alarm':
        return this.#alarms.inc({ code: event.code });
      case 'ended':
        return undefined;
      case 'blind':
        return this.#blind.set(event.isBlind ? 1 : 0);
      case 'failed':
        return this.#failures.inc({
          work: event.work,
          code: isGlasskeyError(event.error) ? event.error.code : 'internal',
        });
    }
  };

  /** Returns the text of `GET /metrics`. */
  async format({ names, keys, queued, verifiedMs }: WatchNumbers, nowMs: number): Promise<string> {
    this.#names.set(names);
    this.#keys.set(keys);
    this.#queued.set(queued);
    if (verifiedMs !== undefined) this.#lag.set(Math.max(0, nowMs - verifiedMs) / 1000);
    return this.#registry.metrics();
  }

  /** Media type of {@link format}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: this.#registers });
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: this.#registers });
  }
}
