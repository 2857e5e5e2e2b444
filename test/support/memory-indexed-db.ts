import type { DatabaseFactory } from '../../src/client/browser/indexed-db.ts';

type Values = Map<string, unknown>;

class Emitter {
  readonly #listeners: [string, () => void][] = [];

  addEventListener(type: string, listener: () => void): void {
    this.#listeners.push([type, listener]);
  }

  emit(type: string): void {
    for (const [known, listener] of this.#listeners) if (known === type) listener();
  }
}

class Request extends Emitter {
  result: unknown;
  readonly error: unknown = null;
}

/**
 * IndexedDB in memory, as much of it as the client uses: one transaction at a time, and all of it or nothing. Counts
 * the requests and the characters that were put, and aborts the transaction of the request of number `failAt`.
 */
export class MemoryIndexedDb {
  readonly stored = new Map<string, Values>();
  requests = 0;
  putCharacters = 0;
  failAt = Number.POSITIVE_INFINITY;
  #last: Promise<void> = Promise.resolve();

  /** The same object, as the client's type. */
  get factory(): DatabaseFactory {
    return { open: (name) => this.#open(name) as never };
  }

  #open(name: string): Request {
    const request = new Request();
    const transaction = (): Transaction => this.#transaction(name);
    const database = Object.assign(new Emitter(), {
      transaction,
      createObjectStore: () => null,
      close: () => undefined,
    });
    request.result = database;
    setImmediate(() => {
      if (!this.stored.has(name)) this.stored.set(name, new Map());
      request.emit('success');
    });
    return request;
  }

  #transaction(name: string): Transaction {
    const transaction = new Transaction(this);
    this.#last = this.#last.then(() => transaction.run(this.stored, name));
    return transaction;
  }
}

class Transaction extends Emitter {
  error: unknown = null;
  readonly #owner: MemoryIndexedDb;
  readonly #pending: ((values: Values) => void)[] = [];

  constructor(owner: MemoryIndexedDb) {
    super();
    this.#owner = owner;
  }

  objectStore() {
    return {
      get: (key: string) => this.#request((values) => values.get(key)),
      put: (value: unknown, key: string) => {
        const copy: unknown = structuredClone(value);
        return this.#request((values) => {
          this.#owner.putCharacters += JSON.stringify(copy).length;
          values.set(key, copy);
        });
      },
      clear: () => this.#request((values) => values.clear()),
    };
  }

  #request(work: (values: Values) => unknown): Request {
    const request = new Request();
    this.#pending.push((values) => {
      this.#owner.requests++;
      if (this.#owner.requests === this.#owner.failAt) throw new DOMException('full', 'QuotaExceededError');
      request.result = work(values);
      request.emit('success');
    });
    return request;
  }

  async run(stored: Map<string, Values>, name: string): Promise<void> {
    const values: Values = new Map(stored.get(name));
    try {
      for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
        await new Promise((resolve) => setImmediate(resolve));
        next(values);
      }
    } catch (error) {
      this.error = error;
      this.emit('abort');
      return;
    }
    stored.set(name, values);
    this.emit('complete');
  }
}
