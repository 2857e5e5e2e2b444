import { platformRandom } from '../platform.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { timerMs } from '../../core/net/with-deadline.ts';
import { type ClientState, EMPTY_STATE, type StateChange, type StateStore } from '../state/client-state.ts';
import { type Database, type DatabaseFactory, openDatabase, readValues, replaceValues } from './indexed-db.ts';
import { HEAD_KEY, type KnownState, missingKeys, newState, readStoredState } from './stored-state.ts';

const STORE = 'state';

/** The browser's locks that keep pages apart: `navigator.locks`. */
interface LockManager {
  request<T>(name: string, options: { readonly signal: AbortSignal }, work: () => Promise<T>): Promise<T>;
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
 * has written meanwhile is never overwritten (`state-locked`: try again). An operation writes what it changed, and from
 * time to time the whole state.
 *
 * Browsers may drop a site's storage when space runs out, unless the page has called `navigator.storage.persist()`.
 * Call it, and keep a sealed export.
 */
export class IndexedDbState implements StateStore {
  readonly #name: string;
  readonly #factory: DatabaseFactory;
  readonly #waitMs: number;
  #known: KnownState | undefined;
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
    const known = await this.#read();
    const { next, result } = await work(known?.state ?? EMPTY_STATE);
    if (next === undefined) return result;
    // It is known again once it is stored.
    this.#known = undefined;
    const written = newState(known, next, formatHex(platformRandom(16)));
    const isWritten = await this.#storage((database) =>
      replaceValues(database, STORE, HEAD_KEY, (current) => written.values(current)),
    );
    ensure(isWritten, 'state-locked', 'another page changed the state meanwhile');
    this.#known = written.known;
    return result;
  }

  /** Reads what this page does not know yet. */
  async #read(): Promise<KnownState | undefined> {
    const known = this.#known;
    this.#known = undefined;
    const found = await this.#storage((database) =>
      readValues(database, STORE, HEAD_KEY, (value) => missingKeys(value, known)),
    );
    this.#known = readStoredState(found, known);
    return this.#known;
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
