import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/open-store.ts';
import { DEFAULT_POSTGRES_LIMITS } from '../../src/store/postgres-pool.ts';
import { isTransactionPooled } from '../../src/store/postgres-pooler.ts';
import { createTestDatabase } from '../support/postgres.ts';

const PGBOUNCER = '/usr/sbin/pgbouncer';
/** Settings that a connection of the store begins with. PgBouncer refuses those that it does not know. */
const STARTUP_PARAMETERS = [
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'tcp_keepalives_idle',
  'tcp_keepalives_interval',
  'tcp_keepalives_count',
  'plan_cache_mode',
  'enable_seqscan',
  'jit',
  'synchronous_commit',
].join(',');
const LEASE_MS = 400;

let pooler: { readonly child: ChildProcess; readonly folder: string } | undefined;
afterEach(() => {
  if (pooler === undefined) return;
  pooler.child.kill('SIGKILL');
  rmSync(pooler.folder, { recursive: true, force: true });
  pooler = undefined;
});

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** Waits until something listens. */
async function listening(port: number): Promise<void> {
  for (const deadline = Date.now() + 20_000; ;) {
    const found = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => setTimeout(() => resolve(false), 50));
    });
    if (found) return;
    if (Date.now() > deadline) throw new Error('pgbouncer does not listen');
  }
}

/** Starts PgBouncer before a test database; gives the URL through it. */
async function throughPooler(mode: 'transaction' | 'session'): Promise<string> {
  const database = new URL(await createTestDatabase());
  const folder = mkdtempSync(join(tmpdir(), 'glasskey-pooler-'));
  const port = await freePort();
  const name = database.pathname.slice(1);
  const settings = join(folder, 'pgbouncer.ini');
  const users = join(folder, 'users.txt');
  writeFileSync(users, `"${database.username}" "${database.password}"\n`);
  writeFileSync(
    settings,
    `[databases]
${name} = host=${database.hostname} port=${database.port} dbname=${name} user=${database.username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = ${mode}
ignore_startup_parameters = ${STARTUP_PARAMETERS}
`,
  );
  // It refuses to run as root.
  const isRoot = userInfo().uid === 0;
  if (isRoot) execFileSync('chown', ['-R', 'nobody', folder]);
  const child = isRoot
    ? spawn('setpriv', ['--reuid=nobody', '--clear-groups', PGBOUNCER, settings], { stdio: 'ignore' })
    : spawn(PGBOUNCER, [settings], { stdio: 'ignore' });
  pooler = { child, folder };
  await listening(port);
  database.hostname = '127.0.0.1';
  database.port = String(port);
  return database.href;
}

describe('a pooler of transactions', () => {
  it('is none where PostgreSQL itself answers', async () => {
    expect(await isTransactionPooled(await createTestDatabase(), DEFAULT_POSTGRES_LIMITS)).toBe(false);
  });

  it.skipIf(!existsSync(PGBOUNCER))('is told from a pooler of sessions (PgBouncer)', async () => {
    expect(await isTransactionPooled(await throughPooler('session'), DEFAULT_POSTGRES_LIMITS)).toBe(false);
    pooler?.child.kill('SIGKILL');
    expect(await isTransactionPooled(await throughPooler('transaction'), DEFAULT_POSTGRES_LIMITS)).toBe(true);
  });
});

describe.skipIf(!existsSync(PGBOUNCER))('the lease of the writer lock behind PgBouncer', () => {
  it.each(['session', 'transaction'] as const)('in %s mode', async (mode) => {
    const store = await openStore(await throughPooler(mode), { limits: { leaseMs: LEASE_MS } });
    try {
      const { logId } = await store.createLog({ origin: 'log', configuration: new Uint8Array(1) });
      const lock = await store.log(logId).tryWriterLock();
      await sleep(3 * LEASE_MS);
      // In transaction mode, a limit of idle time would end the sessions of others.
      if (mode === 'session') await expect(lock?.renew()).rejects.toMatchObject({ code: 'head-moved' });
      else await expect(lock?.renew()).resolves.toBeUndefined();
    } finally {
      await store.close();
    }
  });
});
