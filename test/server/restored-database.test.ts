import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import postgres from 'postgres';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { type RunningServer, startServer, type StartServerOptions } from '../../src/server/start-server.ts';
import { createTestDatabase } from '../support/postgres.ts';

const PATIENCE = { timeout: 60_000, interval: 50 };

let data: string;
let database: string;
let server: RunningServer | undefined;
/** The state of a client who has seen everything. */
let seen: MemoryState;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'glasskey-restored-'));
  database = await createTestDatabase();
  seen = new MemoryState();
});
afterEach(async () => {
  await server?.stop();
  await rm(data, { recursive: true });
});

async function serve(more: Partial<StartServerOptions> = {}): Promise<void> {
  const logger = pino({ enabled: false });
  server = await startServer({ data, database, listen: '127.0.0.1:0', logger, ...more });
}

async function stop(): Promise<void> {
  await server?.stop();
  server = undefined;
}

const client = (state = new MemoryState()): Promise<KeyDirectory> =>
  KeyDirectory.open({ server: server?.url ?? '', state });

async function register(directory: KeyDirectory, name: string): Promise<unknown> {
  const token = (await readFile(join(data, 'registration.token'), 'utf8')).trim();
  return directory.register(`${name}@example.com`, { token, key: await generateKey() });
}

const isThere = async (name: string): Promise<boolean> => (await (await client()).lookup(`${name}@example.com`)).found;
const ready = async (): Promise<string> => (await fetch(`${server?.url}${PATHS.ready}`)).text();

/** Runs statements as the superuser, in a database that is none of the log's. */
async function administer(...statements: string[]): Promise<void> {
  const url = new URL(database);
  url.pathname = '/postgres';
  const sql = postgres(url.href, { max: 1, onnotice: () => {} });
  try {
    for (const statement of statements) await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

const nameOf = (url: string): string => new URL(url).pathname.slice(1);

describe('a database that was restored from an older dump', () => {
  beforeEach(async () => {
    await serve({ dev: true });
    await register(await client(seen), 'alice');
    await stop();
    const dump = `${nameOf(database)}_dump`;
    await administer(`create database ${dump} template ${nameOf(database)}`);
    await serve();
    await register(await client(seen), 'bob');
    await stop();
    await administer(`drop database ${nameOf(database)}`, `alter database ${dump} rename to ${nameOf(database)}`);
  });

  it('is served as it is, and nothing is signed over it, if last-signed.checkpoint is there', async () => {
    await serve();
    await vi.waitFor(async () => expect(await ready()).toContain('log-rolled-back'), PATIENCE);
    expect([await isThere('alice'), await isThere('bob')]).toEqual([true, false]);
    await expect(register(await client(), 'carol')).rejects.toMatchObject({ code: 'log-rolled-back' });
  }, 120_000);

  it('does not start without that file; if told to, clients who have seen more refuse it', async () => {
    await rm(join(data, 'last-signed.checkpoint'));
    await expect(serve()).rejects.toMatchObject({ code: 'log-rolled-back' });
    await serve({ acceptMissingCheckpoint: true });
    await register(await client(), 'carol');
    const witness = await client(seen);
    await expect(witness.lookup('alice@example.com')).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:tree-rolled-back|bad-tree-head|bad-log-proof|bad-prefix-proof)$/),
    });
  }, 120_000);
});

describe('a database that can only be read', () => {
  const restart = async (setting: 'on' | 'off'): Promise<void> =>
    administer(
      `alter database ${nameOf(database)} set default_transaction_read_only = ${setting}`,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${nameOf(database)}'`,
    );

  it('answers lookups and changes nothing, until it can be written again', async () => {
    await serve({ dev: true });
    await register(await client(), 'alice');
    const before = await (await fetch(`${server?.url}${PATHS.checkpoint}`)).text();
    await restart('on');
    await vi.waitFor(async () => expect(await isThere('alice')).toBe(true), PATIENCE);
    await expect(register(await client(), 'bob')).rejects.toMatchObject({ code: 'storage-failed' });
    expect(await (await fetch(`${server?.url}${PATHS.checkpoint}`)).text()).toBe(before);
    await restart('off');
    const directory = await client();
    await vi.waitFor(() => register(directory, 'bob'), PATIENCE);
    expect(await isThere('bob')).toBe(true);
  }, 120_000);
});
