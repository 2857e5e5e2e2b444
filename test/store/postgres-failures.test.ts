import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openPostgresStore, type PostgresStoreOptions } from '../../src/store/postgres-store.ts';
import type { LogStore, Store } from '../../src/store/ports.ts';
import { startPausableProxy } from '../support/pausable-proxy.ts';
import { startPostgresServer, type PostgresServer } from '../support/postgres-server.ts';
import { until } from '../support/until.ts';
import { bytes, enqueue, sampleBatch, sampleHead, sampleIntent } from './samples.ts';

const failed = { code: 'storage-failed' };

describe('a PostgreSQL that fails', () => {
  let server: PostgresServer;
  let admin: postgres.Sql;
  const stores: Store[] = [];
  let logs = 0;

  beforeAll(async () => {
    server = await startPostgresServer();
    admin = postgres(server.url, { max: 1, onnotice: () => {} });
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });
  afterAll(async () => {
    await admin.end({ timeout: 1 });
    await server.stop();
  });

  const open = async (limits: PostgresStoreOptions['limits'] = {}, url = server.url): Promise<Store> => {
    const store = await openPostgresStore(url, { limits });
    stores.push(store);
    return store;
  };
  const newLog = async (store: Store): Promise<{ log: LogStore; logId: number }> => {
    const { logId } = await store.createLog({ origin: `log ${logs++}`, configuration: new Uint8Array(1) });
    return { log: store.log(logId), logId };
  };

  test('a server that is not there', async () => {
    const started = performance.now();
    await expect(openPostgresStore('postgres://nobody@127.0.0.1:1/none')).rejects.toMatchObject(failed);
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  test('errors carry neither parameters nor detail lines', async () => {
    const { log } = await newLog(await open());
    const token = { tokenHash: bytes('secret'), name: 'name', createdMs: 1 };
    await log.addToken({ id: 1, ...token });
    const error: unknown = await log.addToken({ id: 2, ...token }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ ...failed, sqlState: '23505', constraint: 'tokens_token_hash' });
    expect((error as Error).cause).toBeUndefined();
    expect(JSON.stringify(error) + String(error)).not.toContain(Buffer.from(bytes('secret')).toString('hex'));
  });

  test('killed under load: nothing acknowledged is lost, everything in flight fails, service resumes', async () => {
    const { log } = await newLog(await open());
    const appended: number[] = [];
    const opened: string[] = [];
    const failures: unknown[] = [];
    const load = { on: true };
    const appender = (async () => {
      for (let size = 0; load.on;) {
        try {
          await log.append(sampleBatch(size, [], { entryCount: 3 }));
          size += 3;
          appended.push(size);
        } catch (error) {
          failures.push(error);
          // An unknown outcome: the head tells.
          size = await log.readHead().then(
            (head) => head.size,
            () => size,
          );
        }
      }
    })();
    const issuers = Array.from({ length: 32 }, async (_, worker) => {
      for (let i = 0; load.on; i++) {
        const name = `${worker} ${i}`;
        await enqueue(log, name).then(
          () => opened.push(name),
          (error: unknown) => failures.push(error),
        );
      }
    });
    await until(() => appended.length > 20);
    await server.halt('immediate');
    await expect(log.readHead()).rejects.toMatchObject(failed);
    await server.resume();
    const before = appended.length;
    await until(() => appended.length > before + 5);
    load.on = false;
    await Promise.all([appender, ...issuers]);

    for (const failure of failures)
      expect(failure).toMatchObject({ code: expect.stringMatching(/^(storage-failed|head-moved)$/) });
    const head = await log.readHead();
    expect(head).toEqual(sampleHead(head.size));
    expect(head.size).toBe(Math.max(...appended));
    for (let start = 0; start < head.size; start += 1024) {
      const rows = await log.readEntryRange(start, start + 1024);
      expect(rows.map((row) => row.position)).toEqual(rows.map((_, i) => start + i));
    }
    expect(await log.queueDepth()).toBeGreaterThanOrEqual(opened.length);
    for (const name of opened) expect(await log.openIntent(sampleIntent(name))).toMatchObject({ opened: false });
  }, 60_000);

  test('a server that does not answer is given up, and found again', async () => {
    const proxy = await startPausableProxy(server.port);
    const url = server.url.replace(String(server.port), String(proxy.port));
    const store = await open({ statementTimeoutMs: 500, connectTimeoutMs: 500 }, url);
    const { log } = await newLog(store);
    proxy.pause();
    const started = performance.now();
    const results = await Promise.allSettled(Array.from({ length: 40 }, () => log.readHead()));
    expect(performance.now() - started).toBeLessThan(5_000);
    for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: failed });
    proxy.resume();
    await until(() =>
      store.ping().then(
        () => true,
        () => false,
      ),
    );
    expect((await log.readHead()).size).toBe(0);
    proxy.close();
  });

  test('a lock that is held, and a statement that takes too long', async () => {
    const store = await open({ lockTimeoutMs: 100 });
    const { log, logId } = await newLog(store);
    await admin.begin(async (transaction) => {
      await transaction`select from heads where log_id = ${logId} for update`;
      await expect(log.append(sampleBatch(0))).rejects.toMatchObject({ ...failed, sqlState: '55P03' });
    });
    await log.append(sampleBatch(0));

    const hasty = await open({ statementTimeoutMs: 150 });
    await admin.begin(async (transaction) => {
      await transaction`select from heads where log_id = ${logId} for update`;
      await expect(hasty.log(logId).append(sampleBatch(1))).rejects.toMatchObject({ ...failed, sqlState: '57014' });
    });
    await hasty.log(logId).append(sampleBatch(1));
    expect((await log.readHead()).size).toBe(2);
  });

  test('a full disk fails the append wholly, and it works again when there is room', async () => {
    const { log } = await newLog(await open({ connections: 2 }));
    const fill = (size: number): Promise<void> =>
      log.append(
        sampleBatch(size, [], {
          logTiles: Array.from({ length: 400 }, (_, i) => ({
            tree: 'audit',
            level: 0,
            index: 400 * size + i,
            data: bytes('tile', 8192),
          })),
        }),
      );
    await fill(0);
    await server.limitFileSize(17 * 2 ** 20);
    let size = 1;
    const failure: unknown = await (async () => {
      for (; size < 30; size++) await fill(size);
    })().catch((error: unknown) => error);
    expect(failure).toMatchObject(failed);
    expect((await log.readHead()).size).toBe(size);
    expect(await log.readEntryRange(size, size + 9)).toEqual([]);
    expect(await log.readLogTiles([{ tree: 'audit', level: 0, index: 400 * size }])).toEqual([undefined]);
    await server.limitFileSize('unlimited');
    await fill(size);
    expect((await log.readHead()).size).toBe(size + 1);
  });

  test('too many requests at once are refused', async () => {
    const { log } = await newLog(await open({ maxPending: 10 }));
    const results = await Promise.allSettled(Array.from({ length: 30 }, () => log.readHead()));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(10);
    expect(results[29]).toMatchObject({ reason: { code: 'overloaded' } });
    expect((await log.readHead()).size).toBe(0);
  });

  test('settings that lose commits are unsafe', async () => {
    expect(await (await open()).checkDurability()).toEqual({ warnings: [] });
    for (const setting of ['fsync', 'full_page_writes', 'synchronous_commit']) {
      await admin.unsafe(`alter system set ${setting} = off`);
      await admin`select pg_reload_conf()`;
      const shows = async (): Promise<boolean> => (await admin.unsafe(`show ${setting}`))[0]?.[setting] === 'off';
      await until(shows);
      const store = await open();
      await expect(store.checkDurability()).rejects.toMatchObject({ code: 'storage-unsafe' });
      await admin.unsafe(`alter system reset ${setting}`);
      await admin`select pg_reload_conf()`;
      await until(async () => !(await shows()));
    }
    await admin.unsafe('alter role glasskey set synchronous_commit = off');
    await expect((await open()).checkDurability()).rejects.toMatchObject({ code: 'storage-unsafe' });
    await admin.unsafe('alter role glasskey reset synchronous_commit');
  });

  test('a closed store says so', async () => {
    const store = await open();
    const { log } = await newLog(store);
    await store.close();
    await store.close();
    await expect(log.readHead()).rejects.toMatchObject(failed);
  });
});
