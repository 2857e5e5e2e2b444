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
  clear(): unknown;
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

/** Values to put under their keys, after all others were removed if `isWhole`. */
export interface NewValues {
  readonly isWhole: boolean;
  readonly values: readonly (readonly [key: string, value: unknown])[];
}

/**
 * Returns the value under `key`, or undefined, and the values under the keys that `more` names after it, all as of one
 * moment. Rejects with what `more` throws.
 */
export function readValues(
  database: Database,
  store: string,
  key: string,
  more: (value: unknown) => readonly string[],
): Promise<readonly unknown[]> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction([store], 'readonly');
    const found: unknown[] = [];
    settleWith(transaction, () => resolve(found), reject);
    const values = transaction.objectStore(store);
    const first = values.get(key);
    first.addEventListener('success', () => {
      found.push(first.result);
      try {
        for (const name of more(first.result)) {
          const request = values.get(name);
          request.addEventListener('success', () => found.push(request.result));
        }
      } catch (error) {
        reject(asError(error));
      }
    });
  });
}

/**
 * Puts the values `next(current)` in one transaction, where `current` is the value under `key`. They are on disk when
 * the promise resolves. If `next` returns undefined, writes nothing and resolves with false. Rejects with what `next`
 * throws.
 */
export function replaceValues(
  database: Database,
  store: string,
  key: string,
  next: (current: unknown) => NewValues | undefined,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction([store], 'readwrite', { durability: 'strict' });
    let isWritten = false;
    settleWith(transaction, () => resolve(isWritten), reject);
    const values = transaction.objectStore(store);
    const request = values.get(key);
    request.addEventListener('success', () => {
      try {
        const written = next(request.result);
        if (written === undefined) return;
        isWritten = true;
        if (written.isWhole) values.clear();
        for (const [name, value] of written.values) values.put(value, name);
      } catch (error) {
        reject(asError(error));
      }
    });
  });
}

function settleWith(transaction: Transaction, resolve: () => void, reject: (error: Error) => void): void {
  transaction.addEventListener('complete', resolve);
  transaction.addEventListener('error', () => reject(asError(transaction.error)));
  transaction.addEventListener('abort', () => reject(asError(transaction.error)));
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('the browser gave no reason');
}
