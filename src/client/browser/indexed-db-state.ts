import { platformRandom } from '../platform.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { timerMs } from '../../core/net/with-deadline.ts';
import { type ClientState, EMPTY_STATE, type StateChange, type StateStore } from '../state/client-state.ts';
import { StateReader } from '../state/client-state-json.ts';
import { type Database, type DatabaseFactory, openDatabase, readValue, replaceValue } from './indexed-db.ts';

const STORE = 'state';
const KEY = 'state';

/** The browser's locks that keep pages apart: `navigator.locks`. */
interface LockManager {
  request<T>(name: string, options: { readonly signal: AbortSignal }, work: () => Promise<T>): Promise<T>;
}

/** The stored record: the state's JSON text, the number of its writes, and the random name of the last one. */
interface Stored {
  readonly revision: number;
  /** Undefined in a record that an older program wrote. */
  readonly write: string | undefined;
  readonly text: string;
}

/** For {@link IndexedDbState}. */
export interface IndexedDbStateOptions {
  /** Default: the browser's. */
  readonly indexedDb?: DatabaseFactory | undefined;
  /** Longest wait of an operation for another page that uses the state, ms. Default: 10,000. */
  readonly waitMs?: number | undefined;
}

/**
 * Client state in a browser's IndexedDB, under a name that the page chooses. Pages and workers of one origin may share
 * it. Web Locks, if the browser has them (secure contexts), admit one operation at a time. A state that another page
 * has written meanwhile is never overwritten (`state-locked`: try again).
 *
 * Browsers may drop a site's storage when space runs out, unless the page has called `navigator.storage.persist()`.
 * Call it, and keep a sealed export.
 */
export class IndexedDbState implements StateStore {
  readonly #name: string;
  readonly #factory: DatabaseFactory;
  readonly #waitMs: number;
  readonly #reader = new StateReader();
  #database: Promise<Database> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Throws `storage-failed` if there is no IndexedDB. */
  constructor(name = 'glasskey', options: IndexedDbStateOptions = {}) {
    const factory = options.indexedDb ?? (globalThis as { indexedDB?: DatabaseFactory }).indexedDB;
    ensure(factory !== undefined, 'storage-failed', 'there is no IndexedDB here');
    this.#name = name;
    this.#factory = factory;
    this.#waitMs = options.waitMs ?? 10_000;
  }

  transact<T>(work: (state: ClientState) => Promise<StateChange<T>>): Promise<T> {
    const run = () => this.#alone(() => this.#run(work));
    const turn = this.#last.then(run, run);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Closes the database after the operations under way. The next operation opens it again. */
  async close(): Promise<void> {
    await this.#last;
    const database = this.#database;
    this.#database = undefined;
    (await database?.catch(() => undefined))?.close();
  }

  async #run<T>(work: (state: ClientState) => Promise<StateChange<T>>): Promise<T> {
    const stored = readStored(await this.#storage((database) => readValue(database, STORE, KEY)));
    const { next, result } = await work(stored === undefined ? EMPTY_STATE : this.#reader.parse(stored.text));
    if (next === undefined) return result;
    const revision = stored?.revision ?? 0;
    const write = formatHex(platformRandom(16));
    const written: Stored = { revision: revision + 1, write, text: this.#reader.format(next) };
    const isWritten = await this.#storage((database) =>
      replaceValue(database, STORE, KEY, (current) => {
        const found = readStored(current);
        // A transaction that is tried again may have been written the first time.
        return found?.write === write || (found?.revision ?? 0) === revision ? written : undefined;
      }),
    );
    ensure(isWritten, 'state-locked', 'another page changed the state meanwhile');
    return result;
  }

  /** Runs `work` while no other page or worker runs its own. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const { navigator } = globalThis as { navigator?: { readonly locks?: LockManager } };
    if (navigator?.locks === undefined) return work();
    const waiting = new AbortController();
    const timer = setTimeout(() => waiting.abort(), timerMs(this.#waitMs));
    let isIn = false;
    const enter = (): Promise<T> => {
      isIn = true;
      return work();
    };
    try {
      return await navigator.locks.request(`glasskey:${this.#name}`, { signal: waiting.signal }, enter);
    } catch (cause) {
      if (isIn) throw cause;
      throw new GlasskeyError('state-locked', 'the state is in use by another page', { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs one transaction; once more on a new handle, if the browser has closed the one that this state holds. */
  async #storage<T>(use: (database: Database) => Promise<T>): Promise<T> {
    try {
      const opening = this.#open();
      const database = await opening;
      try {
        return await use(database);
      } catch (error) {
        if (!isHandleLost(error)) throw error;
        if (this.#database === opening) this.#database = undefined;
        database.close();
        return await use(await this.#open());
      }
    } catch (cause) {
      if (isGlasskeyError(cause)) throw cause;
      throw new GlasskeyError('storage-failed', 'the database of the state cannot be used', { cause });
    }
  }

  #open(): Promise<Database> {
    if (this.#database !== undefined) return this.#database;
    const opening = openDatabase(this.#factory, this.#name, STORE);
    const forget = (): void => {
      if (this.#database === opening) this.#database = undefined;
    };
    this.#database = opening;
    opening.then((database) => {
      database.addEventListener('close', forget);
      // A deletion of the database must not wait for this page.
      database.addEventListener('versionchange', () => {
        forget();
        database.close();
      });
    }, forget);
    return opening;
  }
}

/** The browser's errors for a handle that it has closed (a page that slept, a backend that ended), by name. */
const LOST_HANDLE: ReadonlySet<string> = new Set(['InvalidStateError', 'UnknownError', 'AbortError']);

function isHandleLost(error: unknown): boolean {
  return error instanceof Error && LOST_HANDLE.has(error.name);
}

function readStored(value: unknown): Stored | undefined {
  if (value === undefined) return undefined;
  const { revision, write, text } = (value ?? {}) as Partial<Stored>;
  const isStored = typeof text === 'string' && Number.isSafeInteger(revision);
  ensure(isStored, 'state-corrupt', 'the database does not hold a state');
  return { revision: revision as number, write, text };
}
