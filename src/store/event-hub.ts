import { randomUUID } from 'node:crypto';
import type { LogEvent } from './ports.ts';
import { CHANNEL, PLACEMENT_CHANGED, type SqlDriver } from './sql-driver.ts';

type Listener = (event: LogEvent) => void;

const EVENTS: readonly LogEvent[] = ['submitted', 'appended', 'released'];

/** Interval between two notifications of submissions to other processes, ms. */
const SUBMITTED_PAUSE_MS = 10;

/**
 * Notifies listeners of events: those of this process at once, those of other processes by NOTIFY. It announces
 * submissions after their commit and many at once, because PostgreSQL commits transactions that notify one at a time,
 * which would end group commit. A lost hint costs a poll, nothing else.
 */
export class EventHub {
  readonly #sql: SqlDriver;
  readonly #process = randomUUID();
  readonly #listeners = new Map<number, Set<Listener>>();
  readonly #announcing = new Map<number, 'sent' | 'again'>();
  #listening: Promise<() => Promise<void>> | undefined;

  constructor(sql: SqlDriver) {
    this.#sql = sql;
  }

  /** Adds a listener. Throws `storage-failed` if it cannot listen to other processes. */
  async subscribe(logId: number, listener: Listener): Promise<() => Promise<void>> {
    await this.#listen();
    const own: Listener = (event) => listener(event);
    const listeners = this.#listeners.get(logId) ?? new Set();
    this.#listeners.set(logId, listeners.add(own));
    return () => {
      listeners.delete(own);
      return Promise.resolve();
    };
  }

  /** Calls the listeners of this process, each in its own turn of the event loop. */
  emit(logId: number, event: LogEvent): void {
    for (const listener of this.#listeners.get(logId) ?? []) queueMicrotask(() => listener(event));
  }

  /** Returns the parameters of the `pg_notify` for other processes. */
  eventValues(logId: number, event: LogEvent): { readonly channel: string; readonly event: string } {
    return { channel: CHANNEL, event: `${logId}:${event}:${this.#process}` };
  }

  /** Notifies every listener of a durable submission. */
  submitted(logId: number): void {
    this.emit(logId, 'submitted');
    if (!this.#sql.shared) return;
    const announcing = this.#announcing.get(logId);
    this.#announcing.set(logId, announcing === undefined ? 'sent' : 'again');
    if (announcing === undefined) void this.#announce(logId);
  }

  async #announce(logId: number): Promise<void> {
    do {
      this.#announcing.set(logId, 'sent');
      const { channel, event } = this.eventValues(logId, 'submitted');
      await this.#sql.query('select pg_notify($1, $2)', [channel, event]).catch(() => {});
      await pause(SUBMITTED_PAUSE_MS);
    } while (this.#announcing.get(logId) === 'again');
    this.#announcing.delete(logId);
  }

  async #listen(): Promise<void> {
    this.#listening ??= this.#sql.listen(
      (payload) => this.#receive(payload),
      () => this.#emitAll(),
    );
    try {
      await this.#listening;
    } catch (error) {
      this.#listening = undefined;
      throw error;
    }
  }

  #receive(payload: string): void {
    if (payload === PLACEMENT_CHANGED) return this.#recheckPlacement();
    const [logId, event, sender] = payload.split(':');
    const known = EVENTS.find((name) => name === event);
    if (known !== undefined && sender !== this.#process) this.emit(Number(logId), known);
  }

  /** A failure costs nothing: a statement that no longer suits the tables fails, and has them looked at again. */
  #recheckPlacement(): void {
    this.#sql.placement?.recheck().catch(() => {});
  }

  /** Calls the listeners for every event: after a gap, any of them may have happened. */
  #emitAll(): void {
    this.#recheckPlacement();
    for (const logId of this.#listeners.keys()) {
      for (const event of EVENTS) this.emit(logId, event);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
