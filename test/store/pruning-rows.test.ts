import { expect, test } from 'vitest';
import type { LogStore } from '../../src/store/ports.ts';
import { describeEachStore } from './each-store.ts';
import { bytes, sampleBatch } from './samples.ts';

const tile = (position: number) => ({ position, counter: 0 });

async function tilesOf(log: LogStore, count: number): Promise<boolean[]> {
  const names = Array.from({ length: count }, (_, position) => tile(position));
  return (await log.readPrefixTiles(names)).map((data) => data !== undefined);
}

describeEachStore('pruning', ({ newLog }) => {
  test('drops tiles and remembers how far it went', async () => {
    const [log, other] = [await newLog(), await newLog()];
    for (const one of [log, other]) await one.append(sampleBatch(0, [], { entryCount: 6 }));
    expect(await log.readPruned()).toBe(0);
    expect(await log.prune({ from: 0, to: 2, prefixTiles: [tile(0)], updates: [] })).toEqual({ dropped: 1 });
    expect(await log.readPruned()).toBe(2);
    expect(await log.prune({ from: 2, to: 5, prefixTiles: [tile(3), tile(4), tile(77)], updates: [] })).toEqual({
      dropped: 2,
    });
    expect(await log.readPruned()).toBe(5);
    expect(await log.prune({ from: 5, to: 6, prefixTiles: [], updates: [] })).toEqual({ dropped: 0 });
    expect(await tilesOf(log, 6)).toEqual([false, true, true, false, false, true]);
    expect(await other.readPruned()).toBe(0);
    expect(await tilesOf(other, 6)).toEqual([true, true, true, true, true, true]);
  });

  test('stores the updates that are to be derived, and no other', async () => {
    const log = await newLog();
    const batch = sampleBatch(0, [], { entryCount: 3 });
    await log.append({ ...batch, updates: [batch.updates[0], undefined, undefined] });
    expect(await log.readUpdate(1)).toBeUndefined();
    const updates = [0, 1].map((position) => ({ position, update: bytes(`update ${position}`, 40) }));
    await log.prune({ from: 0, to: 2, prefixTiles: [tile(0)], updates });
    expect(await log.readUpdate(0)).toEqual(batch.updates[0]);
    expect(await log.readUpdate(1)).toEqual(updates[1]?.update);
    expect(await log.readUpdate(2)).toBeUndefined();
  });

  test('changes nothing where another was faster', async () => {
    const log = await newLog();
    await log.append(sampleBatch(0, [], { entryCount: 6 }));
    expect(await log.prune({ from: 3, to: 4, prefixTiles: [tile(0)], updates: [] })).toBeUndefined();
    await log.prune({ from: 0, to: 4, prefixTiles: [tile(1)], updates: [] });
    expect(await log.prune({ from: 0, to: 3, prefixTiles: [tile(0)], updates: [] })).toBeUndefined();
    expect(await log.prune({ from: 3, to: 5, prefixTiles: [tile(0)], updates: [] })).toBeUndefined();
    expect(await log.readPruned()).toBe(4);
    expect(await tilesOf(log, 6)).toEqual([true, false, true, true, true, true]);
    await expect(log.prune({ from: 4, to: 4, prefixTiles: [], updates: [] })).rejects.toMatchObject({
      code: 'internal',
    });
  });

  test('of many at once, one does it', async () => {
    const log = await newLog();
    await log.append(sampleBatch(0, [], { entryCount: 6 }));
    const done = await Promise.all(
      [1, 2, 3, 4].map((to) => log.prune({ from: 0, to, prefixTiles: [tile(to)], updates: [] })),
    );
    const winners = done.flatMap((result, i) => (result === undefined ? [] : [i + 1]));
    expect(winners).toHaveLength(1);
    expect(await log.readPruned()).toBe(winners[0]);
    expect((await tilesOf(log, 6)).filter((there) => !there)).toHaveLength(1);
  });
});

describeEachStore("an auditor's heads", ({ newLog }) => {
  test('are kept if they are larger', async () => {
    const log = await newLog();
    expect(await log.readAuditorHead()).toBeUndefined();
    const head = (treeSize: number) => ({
      treeSize,
      timestampMs: 1_000 + treeSize,
      signature: bytes(`${treeSize}`, 64),
    });
    expect(await log.storeAuditorHead(head(3))).toBe(true);
    expect(await log.readAuditorHead()).toEqual(head(3));
    expect(await log.storeAuditorHead(head(3))).toBe(false);
    expect(await log.storeAuditorHead(head(2))).toBe(false);
    expect(await log.storeAuditorHead(head(5))).toBe(true);
    expect(await log.readAuditorHead()).toEqual(head(5));
  });
});
