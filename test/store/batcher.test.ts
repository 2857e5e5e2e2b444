import { describe, expect, it } from 'vitest';
import { GlasskeyError } from '../../src/core/errors.ts';
import { Batcher } from '../../src/store/batcher.ts';
import { SqlError } from '../../src/store/sql-error.ts';

/** Runs that end when they are told to. */
class Runs {
  readonly batches: (readonly number[])[] = [];
  readonly #ends: (() => void)[] = [];

  readonly run = async (items: readonly number[]): Promise<readonly string[]> => {
    this.batches.push(items);
    await new Promise<void>((resolve) => this.#ends.push(resolve));
    return items.map((item) => `result ${item}`);
  };

  /** Ends the oldest run, and gives what follows from it time to begin. */
  async endOne(): Promise<void> {
    this.#ends.shift()?.();
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

describe('a batcher', () => {
  it('runs no more together than its weight allows, but what is heavier alone', async () => {
    const runs = new Runs();
    const heaviest = { weight: 10, weigh: (item: number) => item };
    const batcher = new Batcher({ run: runs.run, maxItems: 3, maxRuns: 9, heaviest });
    const results = Promise.all([4, 6, 1, 20, 5, 1, 2, 1].map((item) => batcher.add(item)));
    await turn();
    expect(runs.batches).toEqual([[4, 6], [1], [20], [5, 1, 2], [1]]);
    for (let i = 0; i < 5; i++) await runs.endOne();
    expect(await results).toHaveLength(8);
  });

  it('runs calls of one turn together, and gives each its own result', async () => {
    const runs = new Runs();
    const batcher = new Batcher({ run: runs.run, maxItems: 10, maxRuns: 1 });
    const results = Promise.all([1, 2, 3].map((item) => batcher.add(item)));
    await turn();
    expect(runs.batches).toEqual([[1, 2, 3]]);
    await runs.endOne();
    expect(await results).toEqual(['result 1', 'result 2', 'result 3']);
  });

  it('gathers what comes while as many runs as may be are under way, and begins those after', async () => {
    const runs = new Runs();
    const batcher = new Batcher({ run: runs.run, maxItems: 2, maxRuns: 2 });
    const results: Promise<string>[] = [];
    for (const item of [1, 2, 3, 4, 5, 6]) {
      results.push(batcher.add(item));
      await turn();
    }
    expect(runs.batches).toEqual([[1], [2]]);
    await runs.endOne();
    expect(runs.batches).toEqual([[1], [2], [3, 4]]);
    await runs.endOne();
    expect(runs.batches).toEqual([[1], [2], [3, 4], [5, 6]]);
    await runs.endOne();
    await runs.endOne();
    expect(await Promise.all(results)).toEqual([1, 2, 3, 4, 5, 6].map((item) => `result ${item}`));
  });

  it('runs each item alone where the database refuses the data of the batch', async () => {
    const batches: (readonly number[])[] = [];
    const run = (items: readonly number[]): Promise<readonly number[]> => {
      batches.push(items);
      if (items.includes(2)) return Promise.reject(new SqlError('duplicate key', '23505'));
      return Promise.resolve(items);
    };
    const batcher = new Batcher({ run, maxItems: 10, maxRuns: 1 });
    const results = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)));
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(batches).toEqual([[1, 2, 3], [1], [2], [3]]);
  });

  it('does not repeat a batch whose fate is unknown, and goes on after it', async () => {
    let runs = 0;
    const run = (items: readonly number[]): Promise<readonly number[]> =>
      runs++ === 0 ? Promise.reject(new SqlError('gone', 'CONNECTION_CLOSED')) : Promise.resolve(items);
    const batcher = new Batcher({ run, maxItems: 10, maxRuns: 1 });
    const results = await Promise.allSettled([1, 2].map((item) => batcher.add(item)));
    expect(results.every((result) => result.status === 'rejected')).toBe(true);
    expect(runs).toBe(1);
    expect(await batcher.add(3)).toBe(3);
    await expect(
      new Batcher({ run: () => Promise.reject(new GlasskeyError('overloaded', 'full')), maxItems: 1, maxRuns: 1 }).add(
        1,
      ),
    ).rejects.toMatchObject({ code: 'overloaded' });
  });
});
