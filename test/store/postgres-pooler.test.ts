import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_POSTGRES_LIMITS } from '../../src/store/postgres-pool.ts';
import { isTransactionPooled } from '../../src/store/postgres-pooler.ts';
import { createTestDatabase } from '../support/postgres.ts';

const PGBOUNCER = '/usr/sbin/pgbouncer';

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
