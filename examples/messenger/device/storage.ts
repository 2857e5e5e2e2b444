/** Name and store of the messenger's own database. The state of the key directory has another one. */
export const DATABASE = 'messenger';
const STORE = 'things';

/** Everything that this device keeps, by key, in IndexedDB. */
export class Storage {
  readonly #database: IDBDatabase;

  private constructor(database: IDBDatabase) {
    this.#database = database;
  }

  static async open(): Promise<Storage> {
    const request = indexedDB.open(DATABASE, 1);
    request.addEventListener('upgradeneeded', () => request.result.createObjectStore(STORE));
    const database = await settled(request);
    // Otherwise nobody could delete it: see forget.ts.
    database.addEventListener('versionchange', () => database.close());
    return new Storage(database);
  }

  /** Reads a thing; undefined if there is none. */
  async get<T>(key: string): Promise<T | undefined> {
    return (await settled(this.#database.transaction(STORE).objectStore(STORE).get(key))) as T | undefined;
  }

  /** Reads all things whose key begins with a prefix, in the order of their keys. */
  async list<T>(prefix: string): Promise<readonly T[]> {
    const range = IDBKeyRange.bound(prefix, `${prefix}\uFFFF`);
    return (await settled(this.#database.transaction(STORE).objectStore(STORE).getAll(range))) as T[];
  }

  /** Writes some things, and deletes those that are undefined: all or nothing. It is on disk when this returns. */
  async put(things: Readonly<Record<string, unknown>>): Promise<void> {
    const transaction = this.#database.transaction(STORE, 'readwrite', { durability: 'strict' });
    const store = transaction.objectStore(STORE);
    for (const [key, thing] of Object.entries(things)) {
      if (thing === undefined) store.delete(key);
      else store.put(thing, key);
    }
    await new Promise<void>((resolve, reject) => {
      transaction.addEventListener('complete', () => resolve());
      transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('nothing was stored')));
    });
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error ?? new Error('the storage failed')));
  });
}
