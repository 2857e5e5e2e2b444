import { SqlError } from './sql-error.ts';

/** Options of a {@link Batcher}. */
export interface BatcherOptions<Item, Result> {
  /** Runs some items as one statement. Returns their results in the order of the items. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Most items of one statement. */
  readonly maxItems: number;
  /** Most statements under way. */
  readonly maxRuns: number;
  /** Bounds the items of one statement by weight, unless the first alone is heavier. Default: by their number only. */
  readonly heaviest?: { readonly weight: number; readonly weigh: (item: Item) => number };
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs calls that come close together as one statement: the calls of one turn of the event loop, and those that arrive
 * while the maximum of statements is under way. Under load, many requests share a statement and its commit; without
 * load, a call waits for nobody. Every run begins after the calls that it serves. If the database refuses the data of
 * a batch, each item runs alone, so that no caller fails because of another's data.
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  #waiting: Waiting<Item, Result>[] = [];
  #runs = 0;
  #scheduled = false;

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  /** The result of one item. Rejects with what `run` threw. */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#start();
      });
    });
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#runs < this.#options.maxRuns) {
      const batch = this.#take();
      this.#runs++;
      void this.#run(batch).finally(() => {
        this.#runs--;
        this.#start();
      });
    }
  }

  /** Removes the next batch from those that wait. */
  #take(): Waiting<Item, Result>[] {
    const { maxItems, heaviest } = this.#options;
    if (heaviest === undefined) return this.#waiting.splice(0, maxItems);
    let weight = 0;
    const end = this.#waiting.findIndex(({ item }, i) => {
      weight += heaviest.weigh(item);
      return i === maxItems || (i > 0 && weight > heaviest.weight);
    });
    return this.#waiting.splice(0, end < 0 ? maxItems : end);
  }

  async #run(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#options.run(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => resolve(results[index] as Result));
    } catch (error) {
      if (batch.length > 1 && isRefusedData(error)) await Promise.all(batch.map((one) => this.#run([one])));
      else for (const { reject } of batch) reject(error);
    }
  }
}

/** Classes of SQLSTATEs that blame the data: bad data, violated constraints. Such a statement did nothing. */
function isRefusedData(error: unknown): boolean {
  return error instanceof SqlError && /^2[23]/.test(error.sqlState ?? '');
}
