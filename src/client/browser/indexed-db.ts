/**
 * The part of IndexedDB that this library uses, as promises. The types are written out because the library is also
 * compiled without browser types.
 */
interface Target {
  addEventListener(type: string, listener: () => void): void;
}

interface PendingRequest<T> extends Target {
  readonly result: T;
  readonly error: unknown;
}

interface ObjectStore {
  get(key: string): PendingRequest<unknown>;
  put(value: unknown, key: string): PendingRequest<unknown>;
}

interface Transaction extends Target {
  readonly error: unknown;
  objectStore(name: string): ObjectStore;
}

/** An open database. */
export interface Database extends Target {
  transaction(
    stores: readonly string[],
    mode: 'readonly' | 'readwrite',
    options?: { readonly durability?: 'strict' },
  ): Transaction;
  createObjectStore(name: string): unknown;
  close(): void;
}

/** A factory of databases: a browser's `indexedDB`. */
export interface DatabaseFactory {
  open(name: string, version: number): PendingRequest<Database>;
}

/** Opens a database of one object store, and creates the store if it is missing. Rejects with the browser's error. */
export function openDatabase(factory: DatabaseFactory, name: string, store: string): Promise<Database> {
  return new Promise((resolve, reject) => {
    const request = factory.open(name, 1);
    request.addEventListener('upgradeneeded', () => request.result.createObjectStore(store));
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(asError(request.error)));
  });
}

/** Returns the value under `key`, or undefined. */
export function readValue(database: Database, store: string, key: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = database.transaction([store], 'readonly').objectStore(store).get(key);
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(asError(request.error)));
  });
}

/**
 * Puts `next(current)` under `key` in one transaction, which is on disk when the promise resolves. If `next` returns
 * undefined, writes nothing and resolves with false.
 */
export function replaceValue(
  database: Database,
  store: string,
  key: string,
  next: (current: unknown) => unknown,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction([store], 'readwrite', { durability: 'strict' });
    let isWritten = false;
    transaction.addEventListener('complete', () => resolve(isWritten));
    transaction.addEventListener('error', () => reject(asError(transaction.error)));
    transaction.addEventListener('abort', () => reject(asError(transaction.error)));
    const values = transaction.objectStore(store);
    const request = values.get(key);
    request.addEventListener('success', () => {
      const value = next(request.result);
      if (value === undefined) return;
      isWritten = true;
      values.put(value, key);
    });
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('the browser gave no reason');
}
