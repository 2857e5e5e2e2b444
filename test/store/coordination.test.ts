import postgres from 'postgres';
import { afterEach, describe, expect, test } from 'vitest';
import { openPostgresStore } from '../../src/store/postgres-store.ts';
import type { LogEvent, LogStore, Store } from '../../src/store/ports.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { describeEachStore } from './each-store.ts';
import { enqueue, sampleBatch, sampleRelease } from './samples.ts';

/** Collects events, and waits for one that comes after the call. */
async function watch(log: LogStore): Promise<{ next(event: LogEvent): Promise<void>; stop(): Promise<void> }> {
  const waiting = new Map<LogEvent, () => void>();
  const stop = await log.subscribe((event) => waiting.get(event)?.());
  return { next: (event) => new Promise((resolve) => waiting.set(event, resolve)), stop };
}

describeEachStore('events', ({ newLog }) => {
  test('listeners of this process hear of submissions, appends and releases', async () => {
    const log = await newLog();
    const events: LogEvent[] = [];
    const stop = await log.subscribe((event) => events.push(event));
    const other: LogEvent[] = [];
    await (await newLog()).subscribe((event) => other.push(event));
    const row = await enqueue(log, 'alice');
    await log.append(sampleBatch(0, [row]));
    await log.release(sampleRelease(1));
    await log.release(sampleRelease(1));
    expect(events).toEqual(['submitted', 'appended', 'released']);
    await stop();
    await log.append(sampleBatch(1));
    expect(events).toHaveLength(3);
    expect(other).toEqual([]);
  });

  test('nobody hears of what did not happen', async () => {
    const log = await newLog();
    const events: LogEvent[] = [];
    await log.subscribe((event) => events.push(event));
    await expect(log.append(sampleBatch(7))).rejects.toMatchObject({ code: 'head-moved' });
    await expect(log.release(sampleRelease(7))).rejects.toMatchObject({ code: 'log-forked' });
    expect(events).toEqual([]);
  });
});

describeEachStore('writer lock', ({ newLog }) => {
  test('has one holder for each log, and can be passed on', async () => {
    const [log, other] = [await newLog(), await newLog()];
    const lock = await log.tryWriterLock();
    expect(lock).toBeDefined();
    expect(await log.tryWriterLock()).toBeUndefined();
    await (await other.tryWriterLock())?.release();
    await lock?.release();
    const next = await log.tryWriterLock();
    expect(next).toBeDefined();
    await next?.release();
  });
});

describe('two processes on one PostgreSQL', () => {
  const stores: Store[] = [];
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });

  const openTwo = async (): Promise<{ one: LogStore; two: LogStore; url: string; first: Store }> => {
    const url = await createTestDatabase();
    const [first, second] = [await openPostgresStore(url), await openPostgresStore(url)];
    stores.push(first, second);
    const { logId } = await first.createLog({ origin: 'log', configuration: new Uint8Array(1) });
    return { one: first.log(logId), two: second.log(logId), url, first };
  };

  test('each hears what the other does', async () => {
    const { one, two } = await openTwo();
    const watcher = await watch(two);
    const submitted = watcher.next('submitted');
    const rows = await Promise.all(Array.from({ length: 50 }, (_, i) => enqueue(one, `user ${i}`)));
    await submitted;
    const appended = watcher.next('appended');
    await one.append(sampleBatch(0, rows));
    await appended;
    const released = watcher.next('released');
    await one.release(sampleRelease(1));
    await released;
    await watcher.stop();
  });

  test('a broken listening connection is made anew, and the gap is told', async () => {
    const { one, two, url } = await openTwo();
    const watcher = await watch(two);
    const gap = watcher.next('released');
    const admin = postgres(url, { max: 1, onnotice: () => {} });
    await admin`select pg_terminate_backend(pid) from pg_stat_activity
      where pid <> pg_backend_pid() and datname = current_database() and query like 'listen%'`;
    await gap;
    const appended = watcher.next('appended');
    await one.append(sampleBatch(0));
    await appended;
    await admin.end();
  });

  test('the writer lock excludes the other, and its holder learns when it is lost', async () => {
    const { one, two, url, first } = await openTwo();
    const lock = await one.tryWriterLock();
    expect(await two.tryWriterLock()).toBeUndefined();
    const admin = postgres(url, { max: 1, onnotice: () => {} });
    await admin`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
      and database = (select oid from pg_database where datname = current_database())`;
    await lock?.lost;
    const next = await two.tryWriterLock();
    expect(next).toBeDefined();
    expect(await one.tryWriterLock()).toBeUndefined();
    await next?.release();
    const last = await one.tryWriterLock();
    expect(last).toBeDefined();
    await first.close();
    expect(await two.tryWriterLock()).toBeDefined();
    await admin.end();
  });

  test('connections that are killed are made anew', async () => {
    const { one, url } = await openTwo();
    await one.readHead();
    const admin = postgres(url, { max: 1, onnotice: () => {} });
    for (let round = 0; round < 5; round++) {
      const reads = Array.from({ length: 100 }, () => one.readHead());
      await admin`select pg_terminate_backend(pid) from pg_stat_activity
        where pid <> pg_backend_pid() and datname = current_database()`;
      for (const result of await Promise.allSettled(reads)) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'storage-failed' });
      }
      // A connection that closes unnoticed does not fail a read.
      expect((await one.readHead()).size).toBe(0);
    }
    await admin.end();
  });
});
