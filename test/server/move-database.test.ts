import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import postgres, { type Sql } from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { moveDatabase } from '../../src/server/move-database.ts';
import { openServer } from '../../src/server/open-server.ts';
import { startServer, type StartServerOptions } from '../../src/server/start-server.ts';
import { LogMove } from '../../src/store/log-move.ts';
import { LOG_TABLES } from '../../src/store/copy-rows.ts';
import { createEmptyDatabase } from '../support/postgres.ts';

const root = mkdtempSync(join(tmpdir(), 'glasskey-move-'));
const original = join(root, 'original');
const reader = new MemoryState();
let token: string;
let data: string;
let target: string;
let sql: Sql;
let moves = 0;

async function withServer<T>(options: Partial<StartServerOptions>, work: (url: string) => Promise<T>): Promise<T> {
  const logger = pino({ enabled: false });
  const server = await startServer({ data, listen: '127.0.0.1:0', logger, ...options });
  try {
    return await work(server.url);
  } finally {
    await server.stop();
  }
}

async function register(url: string, name: string): Promise<void> {
  const directory = await KeyDirectory.open({ server: url, state: new MemoryState() });
  await directory.register(`${name}@example.com`, { token, key: await generateKey() });
}

/** Looks everybody up, as a client that has seen the log before, or a new one. */
async function look(url: string, names: readonly string[], state = new MemoryState()): Promise<void> {
  const directory = await KeyDirectory.open({ server: url, state });
  for (const name of names) expect((await directory.lookup(`${name}@example.com`)).found).toBe(true);
}

beforeAll(async () => {
  data = original;
  await withServer({ dev: true }, async (url) => {
    token = readFileSync(join(data, 'registration.token'), 'utf8').trim();
    await register(url, 'alice');
    await register(url, 'bob');
    await look(url, ['alice', 'bob'], reader);
  });
}, 120_000);
afterAll(() => rmSync(root, { recursive: true }));

beforeEach(async () => {
  data = join(root, `copy-${++moves}`);
  cpSync(original, data, { recursive: true });
  target = await createEmptyDatabase();
  sql = postgres(target, { max: 1, onnotice: () => {} });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await sql.end();
});

const nothing = async (): Promise<void> => {};
const move = () => moveDatabase({ data, database: target, who: 'admin:test' });
const names = async (): Promise<string[]> =>
  (await sql<{ origin: string }[]>`select origin from logs`).map(({ origin }) => origin);
const marker = (): string => readFileSync(join(data, 'log.json'), 'utf8');

describe('a log that moves to PostgreSQL', () => {
  it('is the same log for those who know it, and its old database is never served again', async () => {
    cpSync(join(data, 'log.json'), join(data, 'log.json.before'));
    const moved = await move();
    expect(moved.place).toBe(target);
    expect(moved.rows).toMatchObject({ versions: 2, certificates: 2, tokens: 1, heads: 1 });
    expect(await names()).toEqual([moved.origin]);

    await expect(move()).rejects.toMatchObject({ code: 'usage' });
    await expect(withServer({ embedded: true, dev: true }, nothing)).rejects.toMatchObject({ code: 'usage' });
    // Also with the folder as it was before, and with one that knows of no database.
    const after = marker();
    cpSync(join(data, 'log.json.before'), join(data, 'log.json'));
    const refused = { code: 'usage', message: expect.stringContaining('has moved') };
    await expect(withServer({ embedded: true }, nothing)).rejects.toMatchObject(refused);
    rmSync(join(data, 'log.json'));
    await expect(withServer({ embedded: true }, nothing)).rejects.toMatchObject(refused);

    cpSync(join(data, 'log.json.before'), join(data, 'log.json'));
    expect((await move()).place).toBe(target);
    expect(marker()).toBe(after);
    await withServer({}, async (url) => {
      await look(url, ['alice', 'bob'], reader);
      await register(url, 'carol');
      await look(url, ['carol', 'alice'], reader);
      const directory = await KeyDirectory.open({ server: url, state: reader });
      expect((await directory.monitor()).flatMap(({ alerts }) => alerts)).toEqual([]);
    });
    const open = await openServer({ data });
    expect(await open.context.store.listUnsealed()).toEqual([]);
    const acts = (await open.context.store.readTrail(0, 100)).map((record) => record.acts).join();
    expect(acts).toContain('"act":"database-moving"');
    await open.close();
  }, 120_000);

  it.each(['copy', 'compare', 'retire', 'arrive'] as const)(
    'can be repeated after a crash in %s',
    async (step) => {
      const crash = new Error('crash');
      const work = vi.spyOn(LogMove.prototype, step);
      work.mockRejectedValueOnce(crash);
      await expect(move()).rejects.toThrow(crash);
      const isRetired = step === 'arrive';
      const serving = withServer({ embedded: true }, (url) => look(url, ['alice']));
      // At no moment can both be served, and a server of the old one is harmless for a later move.
      if (isRetired) await expect(serving).rejects.toMatchObject({ code: 'usage' });
      else await serving;
      await expect(withServer({ database: target }, nothing)).rejects.toMatchObject({ code: 'usage' });
      expect((await move()).rows).toMatchObject({ versions: 2 });
      await withServer({}, (url) => look(url, ['alice', 'bob']));
    },
    120_000,
  );

  it('stays where it is if a server runs, the target has one of its name, or the copy is damaged', async () => {
    await withServer({ embedded: true }, async () => {
      await expect(move()).rejects.toMatchObject({ code: 'storage-locked' });
    });
    const copy = LogMove.prototype.copy;
    const spy = vi.spyOn(LogMove.prototype, 'copy');
    for (const damage of [
      sql`update versions set commitment = sha256(commitment)`,
      sql`delete from trail where sequence = 0`,
      sql`update tokens set name = 'mine'`,
      sql`insert into crl_shards select log_id, 7 from logs on conflict (log_id) do update set shards = 9`,
    ]) {
      spy.mockImplementationOnce(async function (this: LogMove) {
        await copy.call(this);
        await damage;
      });
      await expect(move()).rejects.toMatchObject({ code: 'storage-corrupt' });
    }
    const [origin = ''] = (await names()).map((name) => name.replace(/ arriving$/, ''));
    await sql`insert into logs (origin, configuration) values (${origin}, '\\x00')`;
    await expect(move()).rejects.toMatchObject({ code: 'usage' });
    await withServer({ embedded: true }, (url) => look(url, ['alice']));
  }, 120_000);

  it('takes every table along', async () => {
    await move();
    const rows = await sql<{ name: string }[]>`select table_name as name from information_schema.columns
      where column_name = 'log_id' and table_schema = 'public'`;
    const known = [...LOG_TABLES.map(({ name }) => name), 'logs'];
    expect(rows.map(({ name }) => name).toSorted()).toEqual(known.toSorted());
  }, 120_000);
});
