import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres, { type Sql } from 'postgres';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PATHS } from '../../src/contract/paths.ts';
import { openStore } from '../../src/store/open-store.ts';
import { freePort } from '../support/free-port.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';
import { hasReplication, type PostgresServer, startPostgresServer, startStandby } from '../support/postgres-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'glasskey-tls-'));
const CA = join(folder, 'ca.pem');
const OTHER_CA = join(folder, 'other.pem');

/** Why no small disk can be made here; undefined where one can. */
const NO_MOUNT = mountProblem();

function mountProblem(): string | undefined {
  const place = mkdtempSync(join(tmpdir(), 'glasskey-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place], { stdio: 'pipe' });
    execFileSync('umount', [place]);
    return undefined;
  } catch {
    return 'this user may not mount';
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

let server: PostgresServer;
let admin: Sql;

beforeAll(async () => {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  for (const name of ['ca', 'other'])
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      `/CN=${name}`,
    );
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', ...ec, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost');
  const issuer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names'];
  // The binding of SCRAM hashes the certificate by the function of its signature.
  openssl('x509', '-req', '-in', 'server.csr', ...issuer, '-sha384', '-out', 'server.pem');
  server = await startPostgresServer({ unix_socket_directories: '/tmp' });
  admin = postgres(server.url, { max: 1, onnotice: () => {} });
  await copy('server.pem', 'server.crt');
  await copy('server.key', 'server.key');
  await admin.unsafe(`create role keys login superuser password 'sec/ret'`);
  await admin.unsafe(`copy (values ('host all keys all scram-sha-256'), ('local all keys scram-sha-256'))
    to program 'cat - pg_hba.conf > new && mv new pg_hba.conf'`);
  await admin.unsafe('alter system set ssl = on');
  await admin.unsafe('select pg_reload_conf()');
});
afterAll(async () => {
  await admin.end();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Copies a file into the folder of the server, as its own. */
async function copy(from: string, to: string): Promise<void> {
  const lines = readFileSync(join(folder, from), 'utf8').trim().split('\n');
  const values = lines.map((line) => `('${line}')`).join(', ');
  await admin.unsafe(`copy (values ${values}) to program 'umask 077; cat > ${to}'`);
}

const at = (host: string, query = '', database = 'postgres'): string =>
  `postgres://keys:sec%2Fret@${host}:${server.port}/${database}?${query}`;

/** Opens a store, and returns its warnings, and for its sessions if they have TLS. */
async function opened(
  url: string,
): Promise<{ readonly warnings: readonly string[]; readonly tls: readonly boolean[] }> {
  const store = await openStore(url);
  try {
    const { warnings } = await store.checkDurability();
    await store.ping();
    const rows = await admin.unsafe<{ ssl: boolean }[]>(
      `select ssl from pg_stat_ssl join pg_stat_activity using (pid) where usename = 'keys'`,
    );
    return { warnings, tls: [...new Set(rows.map(({ ssl }) => ssl))] };
  } finally {
    await store.close();
  }
}

/** Has a log append, and returns what `/readyz` says of it. */
async function readiness({ log, url }: TestServer): Promise<string> {
  log.clock.advance(60_000);
  const response = await fetch(url + PATHS.ready);
  const { checks } = (await response.json()) as { checks: { name: string; detail: string }[] };
  return `${response.status} ${checks.find(({ name }) => name === 'log')?.detail}`;
}

describe('a PostgreSQL with TLS and SCRAM', () => {
  it.each([
    ['localhost', ''],
    ['localhost', `sslmode=verify-full&sslrootcert=${CA}&channel_binding=require`],
    ['127.0.0.1', `sslmode=verify-ca&sslrootcert=${CA}`],
    ['127.0.0.1', 'sslmode=require&channel_binding=require'],
  ])('is reached at %s with %s', async (host, query) => {
    expect(await opened(at(host, query))).toEqual({ warnings: [], tls: [true] });
  });

  it('is reached without TLS only if the URL says so', async () => {
    expect(await opened(at('localhost', 'sslmode=disable'))).toEqual({ warnings: [], tls: [false] });
  });

  it('gets a warning if nothing is verified', async () => {
    const { warnings } = await opened(at('localhost', 'sslmode=require'));
    expect(warnings).toEqual([expect.stringMatching(/sslmode=require .* verifies nothing/)]);
  });

  it.each([
    ['another CA', 'localhost', `sslmode=verify-full&sslrootcert=${OTHER_CA}`, 'storage-failed'],
    ['a CA that nobody trusts', 'localhost', 'sslmode=verify-full', 'storage-failed'],
    ['another name', '127.0.0.1', `sslmode=verify-full&sslrootcert=${CA}`, 'storage-failed'],
    ['a file that is not there', 'localhost', 'sslmode=verify-full&sslrootcert=/nowhere.pem', 'usage'],
    ['channel binding without TLS', 'localhost', 'sslmode=disable&channel_binding=require', 'storage-failed'],
  ])('is refused for %s', async (_, host, query, code) => {
    await expect(openStore(at(host, query))).rejects.toMatchObject({ code });
  });

  it('is reached through a Unix socket, and refused there with TLS', async () => {
    const socket = `postgres://keys:sec%2Fret@/postgres?host=/tmp&port=${server.port}`;
    expect(await opened(socket)).toMatchObject({ warnings: [] });
    await expect(openStore(`${socket}&sslmode=require`)).rejects.toMatchObject({ code: 'usage' });
  });

  it('refuses a wrong password in its own words', async () => {
    await expect(openStore(at('localhost').replace('sec', 'no'))).rejects.toMatchObject({
      code: 'storage-failed',
      message: expect.stringContaining('password authentication failed') as string,
    });
  });
});

describe('several hosts', () => {
  it('are tried in their order', async () => {
    const dead = await freePort();
    const url = at('localhost').replace('@localhost', `@127.0.0.1:${dead},localhost`);
    expect(await opened(url)).toMatchObject({ tls: [true] });
  });

  it.skipIf(!hasReplication())('that only read are passed over', async () => {
    const standby = await startStandby(server);
    try {
      const hosts = `127.0.0.1:${standby.port},127.0.0.1:${server.port}`;
      await expect(opened(`postgres://glasskey@${hosts}/postgres`)).resolves.toBeDefined();
      const one = openStore(`postgres://glasskey@127.0.0.1:${standby.port}/postgres?target_session_attrs=primary`);
      await expect(one).rejects.toMatchObject({ sqlState: '25006' });
    } finally {
      await standby.stop();
    }
  });
});

describe('a database', () => {
  it('in another encoding than UTF-8 is refused, with nothing written', async () => {
    await admin.unsafe(`create database latin template template0 encoding 'LATIN1' locale 'C'`);
    await expect(openStore(at('localhost', '', 'latin'))).rejects.toMatchObject({
      code: 'storage-unsafe',
      message: expect.stringContaining('encoding LATIN1, not UTF8') as string,
    });
    const latin = postgres(server.url.replace(/postgres$/, 'latin'), { max: 1 });
    const [row] = await latin.unsafe(`select count(*)::int as made from pg_namespace where nspname = 'drizzle'`);
    await latin.end();
    expect(row).toEqual({ made: 0 });
  });

  it.skipIf(NO_MOUNT !== undefined)(
    `whose disk is full says so, and /readyz repeats it until there is room${NO_MOUNT === undefined ? '' : `: ${NO_MOUNT}`}`,
    async () => {
      const place = join(folder, 'small');
      execFileSync('mkdir', [place]);
      execFileSync('chmod', ['755', folder]);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', place]);
      try {
        execFileSync('chown', [`--reference=/proc/${server.pid()}`, place]);
        await admin.unsafe(`create tablespace small location '${place}'`);
        for (const name of ['small', 'empty'])
          await admin.unsafe(`create database ${name} template template0 tablespace small`);
        const small = postgres(server.url.replace(/postgres$/, 'small'), { max: 1 });
        await small.unsafe('create table filler (bytes bytea)');
        const fill = async (): Promise<void> => {
          for (;;)
            await small.unsafe(
              `insert into filler select decode(repeat('00', 1000), 'hex') from generate_series(1, 30)`,
            );
        };
        const served = await createTestServer({
          target: at('localhost', '', 'small'),
          loop: true,
          limits: { standstillMs: 0 },
        });
        try {
          await expect(fill()).rejects.toMatchObject({ code: '53100' });
          await small.end();
          const says = (expected: RegExp): Promise<unknown> =>
            vi.waitFor(async () => expect(await readiness(served)).toMatch(expected), {
              timeout: 60_000,
              interval: 100,
            });
          await says(/^503 .*: storage-failed: database: its disk is full, make room: /);
          await expect(openStore(at('localhost', '', 'empty'))).rejects.toMatchObject({
            code: 'storage-failed',
            message: expect.stringMatching(/^database: its disk is full, make room: .*\(53100\)$/) as string,
          });
          execFileSync('mount', ['-o', 'remount,size=64m', place]);
          await says(/^200 ok$/);
        } finally {
          await served.close();
        }
        for (const name of ['small', 'empty']) await admin.unsafe(`drop database ${name}`);
        await admin.unsafe('drop tablespace small');
      } finally {
        execFileSync('umount', ['-l', place]);
      }
    },
  );
});
