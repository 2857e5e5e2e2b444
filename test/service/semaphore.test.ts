import { describe, expect, it } from 'vitest';
import { Semaphore } from '../../src/service/semaphore.ts';

/** Work that ends when it is told to. */
class Work {
  readonly begun: number[] = [];
  readonly #ends = new Map<number, () => void>();

  readonly of = (id: number) => async (): Promise<number> => {
    this.begun.push(id);
    await new Promise<void>((resolve) => this.#ends.set(id, resolve));
    return id;
  };

  end(id: number): void {
    this.#ends.get(id)?.();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('a semaphore', () => {
  it('lets so much work run at once, and the others in their order', async () => {
    const work = new Work();
    const semaphore = new Semaphore({ atOnce: 2, waiting: 10 });
    const results = [1, 2, 3, 4].map((id) => semaphore.run(work.of(id)));
    await turn();
    expect([work.begun, semaphore.underWay, semaphore.waiting]).toEqual([[1, 2], 2, 2]);
    work.end(2);
    expect(await results[1]).toBe(2);
    await turn();
    expect([work.begun, semaphore.underWay, semaphore.waiting]).toEqual([[1, 2, 3], 2, 1]);
    for (const id of [1, 3]) work.end(id);
    await Promise.all([results[0], results[2]]);
    await turn();
    work.end(4);
    expect(await Promise.all(results)).toEqual([1, 2, 3, 4]);
    expect(semaphore.underWay).toBe(0);
  });

  it('refuses more than may wait, and work that fails leaves its place', async () => {
    const semaphore = new Semaphore({ atOnce: 1, waiting: 1 });
    const fails = semaphore.run(() => Promise.reject(new Error('no')));
    const waits = semaphore.run(() => Promise.resolve('done'));
    await expect(semaphore.run(() => Promise.resolve())).rejects.toThrow(code('overloaded'));
    await expect(fails).rejects.toThrow('no');
    expect(await waits).toBe('done');
    expect([semaphore.underWay, semaphore.waiting]).toEqual([0, 0]);
  });

  it('never begins work whose asker has gone', async () => {
    const work = new Work();
    const semaphore = new Semaphore({ atOnce: 1, waiting: 10 });
    const first = semaphore.run(work.of(1));
    const [gone, stays] = [new AbortController(), new AbortController()];
    const leaving = semaphore.run(work.of(2), gone);
    const staying = semaphore.run(work.of(3), stays);
    gone.abort();
    await expect(leaving).rejects.toThrow(code('invalid-request'));
    expect(semaphore.waiting).toBe(1);
    work.end(1);
    await first;
    await turn();
    work.end(3);
    await staying;
    await expect(semaphore.run(work.of(4), gone)).rejects.toThrow(code('invalid-request'));
    expect([work.begun, semaphore.underWay]).toEqual([[1, 3], 0]);
  });

  it('gives each asker a turn, however many requests one of them has waiting', async () => {
    const work = new Work();
    const semaphore = new Semaphore({ atOnce: 1, waiting: 10 });
    const results = [1, 2, 3, 4].map((id) => semaphore.run(work.of(id), { key: 'greedy' }));
    results.push(semaphore.run(work.of(5), { key: 'modest' }), semaphore.run(work.of(6), { key: 'other' }));
    for (const id of [1, 2, 5, 6, 3, 4]) {
      await turn();
      expect(work.begun.at(-1)).toBe(id);
      work.end(id);
    }
    await Promise.all(results);
    expect([semaphore.underWay, semaphore.waiting]).toEqual([0, 0]);
  });

  it('refuses one asker that has too many waiting, and no other', async () => {
    const work = new Work();
    const semaphore = new Semaphore({ atOnce: 1, waiting: 3, waitingOfOne: 1 });
    const running = [1, 2].map((id) => semaphore.run(work.of(id), { key: 'greedy' }));
    await expect(semaphore.run(work.of(3), { key: 'greedy' })).rejects.toThrow(code('overloaded'));
    running.push(semaphore.run(work.of(4), { key: 'modest' }));
    for (const id of [1, 2, 4]) {
      await turn();
      work.end(id);
    }
    expect(await Promise.all(running)).toEqual([1, 2, 4]);
  });

  it('refuses work that found no room in time', async () => {
    const work = new Work();
    const semaphore = new Semaphore({ atOnce: 1, waiting: 10, patienceMs: 20 });
    const first = semaphore.run(work.of(1));
    await expect(semaphore.run(work.of(2))).rejects.toThrow(code('overloaded'));
    expect(semaphore.waiting).toBe(0);
    work.end(1);
    expect(await first).toBe(1);
    const next = semaphore.run(work.of(3));
    await turn();
    work.end(3);
    expect([await next, work.begun, semaphore.underWay]).toEqual([3, [1, 3], 0]);
  });
});
