import postgres from 'postgres';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openStore } from '../../src/store/open-store.ts';
import { connectPool, connectSession, DEFAULT_POSTGRES_LIMITS as LIMITS } from '../../src/store/postgres-pool.ts';
import { assertKeepsSessions } from '../../src/store/postgres-pooler.ts';
import { NO_PGBOUNCER, type Pooler, startPooler } from '../support/pooler.ts';
import { createTestDatabase } from '../support/postgres.ts';

const LEASE_MS = 400;

let pooler: Pooler | undefined;
afterEach(async () => {
  await pooler?.stop();
  pooler = undefined;
});

async function through(mode: 'transaction' | 'session', database: string): Promise<string> {
  pooler = await startPooler(database, mode);
  return pooler.url;
}

const SETTINGS = `select name, setting from pg_settings
  where name in ('lock_timeout', 'statement_timeout', 'synchronous_commit', 'enable_seqscan')`;

describe('a session', () => {
  it('keeps its settings, whatever the server and the role say', async () => {
    const url = await createTestDatabase();
    const admin = postgres(url, { max: 1 });
    const name = new URL(url).pathname.slice(1);
    await admin.unsafe(`alter database ${name} set synchronous_commit = off`);
    await admin.unsafe(`alter database ${name} set lock_timeout = 1`);
    await admin.end();
    const session = connectSession(url, LIMITS);
    try {
      const rows = await session.unsafe<{ name: string; setting: string }[]>(SETTINGS);
      expect(Object.fromEntries(rows.map((row) => [row.name, row.setting]))).toEqual({
        lock_timeout: '5000',
        statement_timeout: '15000',
        synchronous_commit: 'on',
        enable_seqscan: 'off',
      });
    } finally {
      await session.end();
    }
  });

  it('is refused if a setting is not in force', async () => {
    // PostgreSQL rounds it.
    const limits = { ...LIMITS, lockTimeoutMs: 1000.4 };
    const session = connectSession(await createTestDatabase(), limits);
    await expect(session.unsafe('select 1')).rejects.toMatchObject({
      code: 'storage-unsafe',
      message: expect.stringContaining('lock_timeout=1000.4 and has 1000') as string,
    });
    await session.end();
  });

  it('is refused as the one of the writer if its lease is not in force', async () => {
    const store = await openStore(await createTestDatabase(), { limits: { leaseMs: 1000.4 } });
    try {
      const { logId } = await store.createLog({ origin: 'log', configuration: new Uint8Array(1) });
      await expect(store.log(logId).tryWriterLock()).rejects.toMatchObject({
        code: 'storage-unsafe',
        message: expect.stringContaining('idle_session_timeout=1000.4 and has 1000') as string,
      });
    } finally {
      await store.close();
    }
  });
});

describe.skipIf(NO_PGBOUNCER !== undefined)(
  `behind PgBouncer${NO_PGBOUNCER === undefined ? '' : `: ${NO_PGBOUNCER}`}`,
  () => {
    it('in session mode, every connection has its settings in force, also one that replaces another', async () => {
      const url = await through('session', await createTestDatabase());
      await expect(assertKeepsSessions(url, LIMITS)).resolves.toBeUndefined();
      const pool = connectPool({
        url,
        limits: LIMITS,
        connections: 1,
        synchronousCommit: 'on',
        isDistributed: false,
        onClose: () => {},
      });
      try {
        const inForce = async (): Promise<unknown> => {
          const rows = await pool.unsafe<{ name: string; setting: string }[]>(SETTINGS);
          return Object.fromEntries(rows.map((row) => [row.name, row.setting]));
        };
        const expected = {
          lock_timeout: '5000',
          statement_timeout: '15000',
          synchronous_commit: 'on',
          enable_seqscan: 'off',
        };
        expect(await inForce()).toEqual(expected);
        await pool.unsafe('select pg_terminate_backend(pg_backend_pid())').catch(() => undefined);
        await vi.waitFor(async () => expect(await inForce()).toEqual(expected));
      } finally {
        await pool.end({ timeout: 1 });
      }
    });

    it('in session mode, a lock is a lease, too', async () => {
      const store = await openStore(await through('session', await createTestDatabase()), {
        limits: { leaseMs: LEASE_MS },
      });
      try {
        const { logId } = await store.createLog({ origin: 'log', configuration: new Uint8Array(1) });
        const lock = await store.log(logId).tryWriterLock();
        await sleep(3 * LEASE_MS);
        await expect(lock?.renew()).rejects.toMatchObject({ code: 'head-moved' });
      } finally {
        await store.close();
      }
    });

    it('in transaction mode, nothing is opened, and the reason is said', async () => {
      await expect(openStore(await through('transaction', await createTestDatabase()))).rejects.toMatchObject({
        code: 'storage-unsafe',
        message: expect.stringMatching(/^a pooler in transaction mode .* pool_mode = session/) as string,
      });
    });
  },
);
