import { expect, test } from 'vitest';
import type { HeadRelease, LogTileRow, TreeKind } from '../../src/store/ports.ts';
import { describeEachStore } from './each-store.ts';
import { bytes, enqueue, labelKey, sampleBatch, sampleHead, sampleRelease } from './samples.ts';

describeEachStore('log rows', ({ kind, store, newLog }) => {
  test('tells its kind and answers', async () => {
    expect(store().kind).toBe(kind);
    await store().ping();
  });

  test('finds a log by its origin, and makes none twice', async () => {
    const configuration = bytes('configuration', 100);
    const log = await store().createLog({ origin: 'one.example/log', configuration });
    expect(await store().findLog('one.example/log')).toEqual({ ...log, configuration, origin: 'one.example/log' });
    expect(await store().findLog('two.example/log')).toBeUndefined();
    await expect(store().createLog({ origin: 'one.example/log', configuration })).rejects.toMatchObject({
      code: 'storage-failed',
    });
  });

  test('starts at size 0', async () => {
    const log = await newLog();
    const head = await log.readHead();
    expect(head).toMatchObject({ size: 0, timestampMs: 0, prefixTile: undefined, prefixRoot: new Uint8Array(32) });
    expect(head.logEdge).toEqual(new Uint8Array(0));
    expect(await log.readReleased()).toBeUndefined();
    expect(await log.readEntries([0])).toEqual([undefined]);
  });

  test('a log that does not exist has no head', async () => {
    await expect(store().log(999_999).readHead()).rejects.toMatchObject({ code: 'storage-corrupt' });
  });

  test('an append makes everything of its batch readable', async () => {
    const log = await newLog();
    const batch = sampleBatch(0, [], { entryCount: 3 });
    await log.append(batch);
    expect(await log.readHead()).toEqual(sampleHead(3));
    expect(await log.readEntries([2, 7, 0])).toEqual([batch.entries[2], undefined, batch.entries[0]]);
    expect(await log.readEntryRange(1, 10)).toEqual(batch.entries.slice(1));
    expect(await log.readEntryRange(1, 2)).toEqual([batch.entries[1]]);
    expect(await log.readUpdate(1)).toEqual(batch.updates[1]);
    expect(await log.readUpdate(3)).toBeUndefined();
    const names = [1, 9, 0].map((position) => ({ position, counter: 0 }));
    const tiles = batch.prefixTiles.map((row) => row.data);
    expect(await log.readPrefixTiles(names)).toEqual([tiles[1], undefined, tiles[0]]);
    expect(await log.readPrefixTiles([{ position: 0, counter: 1 }])).toEqual([undefined]);
  });

  test('nothing is appended after the end of a log', async () => {
    const log = await newLog();
    await log.append(sampleBatch(0));
    expect(await log.readLogEnd()).toBeUndefined();
    const end = bytes('end', 200);
    await log.append({ ...sampleBatch(1), logEnd: end });
    expect(await log.readLogEnd()).toEqual(end);
    await expect(log.append(sampleBatch(2))).rejects.toMatchObject({ code: 'head-moved' });
    await expect(log.append({ ...sampleBatch(2), logEnd: end })).rejects.toMatchObject({ code: 'head-moved' });
    expect(await log.readHead()).toEqual(sampleHead(2));
    expect(await log.readUpdate(2)).toBeUndefined();
    expect(await log.readLogEnd()).toEqual(end);
  });

  test('rows are plain byte arrays that own their memory', async () => {
    const log = await newLog();
    await log.append(sampleBatch(0));
    const [tile] = await log.readPrefixTiles([{ position: 0, counter: 0 }]);
    expect(tile?.constructor).toBe(Uint8Array);
    expect(tile?.buffer.byteLength).toBe(900);
  });

  test('log tiles of both trees', async () => {
    const log = await newLog();
    const tile = (tree: TreeKind, level: number, index: number): LogTileRow => ({
      tree,
      level,
      index,
      data: bytes(`${tree} ${level} ${index}`, 8192),
    });
    const tiles = [tile('keytrans', 0, 0), tile('audit', 0, 0), tile('keytrans', 1, 2 ** 40)];
    await log.append(sampleBatch(0, [], { logTiles: tiles }));
    const asked = [tiles[2], tile('audit', 1, 0), tiles[0], tiles[1], tiles[0]].map((name) => name!);
    const answer = await log.readLogTiles(asked);
    expect(answer).toEqual([tiles[2]?.data, undefined, tiles[0]?.data, tiles[1]?.data, tiles[0]?.data]);
  });

  test('names beyond 32 bits, and no names at all', async () => {
    const log = await newLog();
    const name = { position: 2 ** 53 - 1, counter: 2 ** 32 - 1 };
    await log.append(sampleBatch(0, [], { prefixTiles: [{ name, data: bytes('far') }] }));
    expect(await log.readPrefixTiles([name])).toEqual([bytes('far')]);
    expect(await log.readPrefixTiles([])).toEqual([]);
    expect(await log.readLogTiles([])).toEqual([]);
    expect(await log.readEntries([])).toEqual([]);
  });

  test('an entry range is bounded', async () => {
    const log = await newLog();
    await expect(log.readEntryRange(0, 1025)).rejects.toMatchObject({ code: 'value-out-of-range' });
  });

  test('logs do not see each other', async () => {
    const [one, two] = [await newLog(), await newLog()];
    await one.append(sampleBatch(0, [await enqueue(one, 'alice')]));
    expect((await two.readHead()).size).toBe(0);
    expect(await two.readPrefixTiles([{ position: 0, counter: 0 }])).toEqual([undefined]);
    expect(await two.findLabel(labelKey('alice'))).toBeUndefined();
    expect(await two.readQueue(10)).toEqual([]);
  });

  test('compare-and-swap: an append to another size changes nothing', async () => {
    const log = await newLog();
    await log.append(sampleBatch(0));
    await expect(log.append(sampleBatch(0))).rejects.toMatchObject({ code: 'head-moved' });
    await expect(log.append(sampleBatch(5))).rejects.toMatchObject({ code: 'head-moved' });
    expect(await log.readHead()).toEqual(sampleHead(1));
    expect(await log.readEntries([1, 5])).toEqual([undefined, undefined]);
  });

  test('of appends that race for one size exactly one wins', async () => {
    const log = await newLog();
    for (let size = 0; size < 5; size++) {
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => log.append(sampleBatch(size))));
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'head-moved' });
      }
      expect((await log.readHead()).size).toBe(size + 1);
    }
  });

  test('a failure in the middle of an append leaves nothing of it', async () => {
    const log = await newLog();
    const row = await enqueue(log, 'alice');
    const clash = { name: { position: 0, counter: 0 }, data: bytes('one') };
    const bad = sampleBatch(0, [row], { prefixTiles: [clash, clash] });
    await expect(log.append(bad)).rejects.toMatchObject({ code: 'storage-failed' });
    const shortTile = { tree: 'audit', level: 0, index: 0, data: bytes('short') } as const;
    await expect(log.append(sampleBatch(0, [row], { logTiles: [shortTile] }))).rejects.toMatchObject({
      code: 'storage-failed',
    });
    const twice = sampleBatch(0, [row]);
    const versions = [...twice.versions, ...twice.versions];
    await expect(log.append({ ...twice, versions })).rejects.toMatchObject({ code: expect.any(String) });

    expect((await log.readHead()).size).toBe(0);
    expect(await log.readEntryRange(0, 10)).toEqual([]);
    expect(await log.readPrefixTiles([{ position: 0, counter: 0 }])).toEqual([undefined]);
    expect(await log.findLabel(labelKey('alice'))).toBeUndefined();
    expect(await log.readVersions(labelKey('alice'), 0, 10)).toEqual([]);
    expect(await log.readQueue(10)).toEqual([row]);
    await log.append(sampleBatch(0, [row]));
    expect((await log.readHead()).size).toBe(1);
  });

  test('a batch that does not follow the head is a bug, not a write', async () => {
    const log = await newLog();
    const gap = { ...sampleBatch(0), head: sampleHead(2) };
    await expect(log.append(gap)).rejects.toMatchObject({ code: 'internal' });
    await expect(log.append({ ...sampleBatch(0), updates: [] })).rejects.toMatchObject({ code: 'internal' });
    expect((await log.readHead()).size).toBe(0);
  });

  test('releases: the greatest, each by its size, and never two for one size', async () => {
    const log = await newLog();
    const [one, two] = [sampleRelease(2), sampleRelease(5)];
    await log.append(sampleBatch(0, [], { entryCount: 2 }));
    await log.release(one);
    await log.append(sampleBatch(2, [], { entryCount: 3 }));
    await log.release(two);
    await log.release(one);
    const stored = ({ size, signature, checkpoint }: HeadRelease) => ({ size, signature, checkpoint });
    expect(await log.readReleased()).toEqual(stored(two));
    expect(await log.readReleasedAt(2)).toEqual(stored(one));
    expect(await log.readReleasedAt(3)).toBeUndefined();
    await expect(log.release({ ...one, signature: bytes('other', 64) })).rejects.toMatchObject({ code: 'log-forked' });
    await expect(log.release({ ...one, checkpoint: 'other' })).rejects.toMatchObject({ code: 'log-forked' });
    await expect(log.release({ ...two, checkpoint: 'other' })).rejects.toMatchObject({ code: 'log-forked' });
    expect(await log.readReleasedAt(2)).toEqual(stored(one));
  });

  test('nothing is released but the stored head, as it was signed', async () => {
    const log = await newLog();
    await log.append(sampleBatch(0, [], { entryCount: 5 }));
    for (const other of [{ logRoot: bytes('other') }, { auditRoot: bytes('other') }]) {
      await expect(log.release(sampleRelease(5, other))).rejects.toMatchObject({ code: 'log-forked' });
    }
    await expect(log.release(sampleRelease(6))).rejects.toMatchObject({ code: 'log-forked' });
    // Another process has signed and released each head before it appended.
    await expect(log.release(sampleRelease(2))).rejects.toMatchObject({ code: 'head-moved' });
    expect(await log.readReleased()).toBeUndefined();
    const writer = await log.tryWriterLock();
    await writer?.release();
    await expect(log.release(sampleRelease(5, { writer }))).rejects.toMatchObject({ code: 'head-moved' });
    expect(await log.readReleased()).toBeUndefined();
    const next = await log.tryWriterLock();
    await log.release(sampleRelease(5, { writer: next }));
    // The earlier writer has signed the same: nothing else was released.
    await log.release(sampleRelease(5, { writer }));
    const signature = bytes('other', 64);
    await expect(log.release(sampleRelease(5, { writer, signature }))).rejects.toMatchObject({ code: 'head-moved' });
    await next?.release();
  });
});
