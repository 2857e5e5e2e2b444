import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EntryReader } from '../../../src/service/log/entry-reader.ts';
import type { LogStore } from '../../../src/store/ports.ts';
import { createHistoryLog, type HistoryLog } from '../../support/history-log.ts';

let log: HistoryLog;
let size = 0;
let reader: EntryReader;
let asked: (readonly number[])[];
beforeAll(async () => {
  log = await createHistoryLog({ labels: 2, rounds: 2 });
  size = (await log.service.progress.released()).released.size;
}, 60_000);
afterAll(() => log.close());
beforeEach(() => {
  asked = [];
  const readEntries = (positions: readonly number[]): ReturnType<LogStore['readEntries']> => {
    asked.push(positions);
    return log.context.store.readEntries(positions);
  };
  reader = new EntryReader({ readEntries }, 64);
});

describe('entries that are not in the cache', () => {
  it('are read once for all that want them at the same time', async () => {
    const wanted = Array.from({ length: 20 }, () => reader.read([size - 1]));
    expect(new Set((await Promise.all(wanted)).map(([entry]) => entry)).size).toBe(1);
    await reader.read([size - 1]);
    expect(asked).toEqual([[size - 1]]);
  });

  it('come in the order in which they are asked for, also where others read some of them', async () => {
    const [some, more, again] = await Promise.all([reader.read([2, 0]), reader.read([1, 0, 3]), reader.read([3, 3])]);
    expect(asked).toEqual([
      [2, 0],
      [1, 3],
    ]);
    const alone = await Promise.all([0, 1, 2, 3].map(async (at) => (await reader.read([at]))[0]));
    const [first, second, third, fourth] = alone;
    expect([some, more, again]).toEqual([
      [third, first],
      [second, first, fourth],
      [fourth, fourth],
    ]);
  });

  it('are asked for again after a read that failed', async () => {
    const missing = reader.read([0, size]);
    const other = reader.read([0]);
    await expect(missing).rejects.toMatchObject({ code: 'storage-corrupt' });
    await expect(other).resolves.toHaveLength(1);
    await expect(reader.read([size])).rejects.toMatchObject({ code: 'storage-corrupt' });
    expect(asked).toEqual([[0, size], [size]]);
  });
});
