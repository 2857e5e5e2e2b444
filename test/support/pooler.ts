import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { isListening } from './proxy-process.ts';

const PGBOUNCER = '/usr/sbin/pgbouncer';

/** Why there is no PgBouncer to test with; undefined where there is. The gate always has one. */
export const NO_PGBOUNCER: string | undefined =
  process.env['CI'] !== undefined || existsSync(PGBOUNCER) ? undefined : 'pgbouncer is not installed';

/** A PgBouncer in front of a database. */
export interface Pooler {
  /** The URL of the database through it. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts PgBouncer, with the settings that its own documentation begins with. */
export async function startPooler(databaseUrl: string, mode: 'transaction' | 'session'): Promise<Pooler> {
  const database = new URL(databaseUrl);
  const folder = mkdtempSync(join(tmpdir(), 'glasskey-pooler-'));
  const port = await freePort();
  const name = database.pathname.slice(1);
  const settings = join(folder, 'pgbouncer.ini');
  writeFileSync(
    settings,
    `[databases]
${name} = host=${database.hostname} port=${database.port} dbname=${name} user=${database.username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = 20
`,
  );
  // It refuses to run as root.
  const isRoot = userInfo().uid === 0;
  if (isRoot) execFileSync('chown', ['-R', 'nobody', folder]);
  const child = isRoot
    ? spawn('setpriv', ['--reuid=nobody', '--clear-groups', PGBOUNCER, settings], { stdio: 'ignore' })
    : spawn(PGBOUNCER, [settings], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  while (!(await isListening(port))) {
    if (child.exitCode !== null) throw new Error('pgbouncer does not start');
    await sleep(50);
  }
  database.hostname = '127.0.0.1';
  database.port = String(port);
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: database.href, stop };
}
