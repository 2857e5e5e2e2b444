import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { expect, test } from 'vitest';
import { MIGRATIONS_FOLDER } from '../../src/store/schema-versions.ts';
import { migratePglite } from '../../src/store/migrate.ts';
import { openPostgresStore } from '../../src/store/postgres-store.ts';
import { NEWEST_FORMAT } from '../../src/store/stored-format.ts';
import { pgliteDatabase } from '../support/pglite.ts';
import { createTestDatabase } from '../support/postgres.ts';

const root = join(MIGRATIONS_FOLDER, '..');

/** A table, an index, or a column that statements of an older program need not name. */
const ADDITION =
  /^(?:CREATE TABLE |CREATE INDEX |ALTER TABLE "\w+" ADD COLUMN "\w+" "?\w+"?(?: DEFAULT \S+(?: NOT NULL)?)?;$)/;

test('the committed migrations make the schema of the code', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-migrations-'));
  try {
    await cp(MIGRATIONS_FOLDER, folder, { recursive: true });
    const before = await readdir(folder);
    const kit = join(root, 'node_modules/drizzle-kit/bin.cjs');
    const options = ['--dialect=postgresql', '--schema=src/store/schema.ts', `--out=${relative(root, folder)}`];
    await promisify(execFile)(process.execPath, [kit, 'generate', ...options], { cwd: root });
    expect(await readdir(folder)).toEqual(before);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('every primary key starts with the log', async () => {
  const sql = postgres(await createTestDatabase(), { max: 1 });
  const rows = await sql<{ name: string; first: string }[]>`
    select c.conrelid::regclass::text as name, a.attname as first
    from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
    where c.contype = 'p' and c.connamespace = 'public'::regnamespace`;
  expect(rows).toHaveLength(24);
  for (const row of rows) expect(row).toMatchObject({ first: 'log_id' });
  await sql.end();
});

test('servers that start together migrate an empty database once', async () => {
  const admin = postgres(await createTestDatabase(), { max: 1, onnotice: () => {} });
  await admin`drop schema public cascade`;
  await admin`drop schema drizzle cascade`;
  await admin`create schema public`;
  const url = `postgres://${admin.options.user}@${admin.options.host[0]}:${admin.options.port[0]}/${admin.options.database}`;
  const stores = await Promise.all(Array.from({ length: 4 }, () => openPostgresStore(url)));
  const { logId } = await stores[0]!.createLog({ origin: 'log', configuration: new Uint8Array(1) });
  expect((await stores[3]!.log(logId).readHead()).size).toBe(0);
  await Promise.all(stores.map((store) => store.close()));
  await admin.end();
});

test('a database whose rows have a newer format is refused, one with a newer migration is not', async () => {
  const url = await createTestDatabase();
  const admin = postgres(url, { max: 1 });
  const store = await openPostgresStore(url);
  await store.createLog({ origin: 'log', configuration: new Uint8Array(1) });
  expect(await store.readFormat('log')).toBe(NEWEST_FORMAT);
  expect(await store.raiseFormat('log', NEWEST_FORMAT)).toBe(false);
  await store.close();
  await admin`insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', ${String(2 ** 52)})`;
  const older = await openPostgresStore(url);
  expect(await older.raiseFormat('log', NEWEST_FORMAT + 1)).toBe(true);
  await older.close();
  await expect(openPostgresStore(url)).rejects.toMatchObject({
    code: 'storage-failed',
    message: expect.stringContaining('docs/upgrade.md'),
  });
  await admin.end();
});

const OLDER = {
  code: 'storage-failed',
  message: expect.stringMatching(
    /^the schema of the database is \d{4}_\w+, this program needs \d{4}_\w+, and only reads\. Next: .*docs\/upgrade\.md/,
  ) as string,
};
const FORGET =
  'delete from drizzle.__drizzle_migrations where id = (select max(id) from drizzle.__drizzle_migrations) returning *';

test('a program that only reads migrates nothing', async () => {
  const url = await createTestDatabase();
  const reading = { holds: 'log', onlyReads: true };
  const store = await openPostgresStore(url);
  await store.createLog({ origin: 'log', configuration: new Uint8Array(1) });
  await store.close();
  await (await openPostgresStore(url, reading)).close();
  const admin = postgres(url, { max: 1 });
  const migrations = async (): Promise<unknown> => admin`select * from drizzle.__drizzle_migrations`;
  await admin.unsafe(FORGET);
  const before = await migrations();
  await expect(openPostgresStore(url, reading)).rejects.toMatchObject(OLDER);
  expect(await migrations()).toEqual(before);
  await admin.end();
});

test('a program that only reads migrates no embedded database either', async () => {
  const database = await pgliteDatabase();
  await migratePglite(database, { onlyReads: true });
  const { rows } = await database.query<{ id: number; hash: string; created_at: string }>(FORGET);
  try {
    await expect(migratePglite(database, { onlyReads: true })).rejects.toMatchObject(OLDER);
  } finally {
    const [row] = rows;
    await database.query('insert into drizzle.__drizzle_migrations values ($1, $2, $3)', [
      row?.id,
      row?.hash,
      row?.created_at,
    ]);
  }
});

test('migrations only add, so that the release before goes on beside them', async () => {
  const files = (await readdir(MIGRATIONS_FOLDER)).filter((name) => name.endsWith('.sql') && name > '0009');
  expect(files).toContain('0009_stored_format.sql');
  for (const file of files) {
    const text = await readFile(join(MIGRATIONS_FOLDER, file), 'utf8');
    for (const statement of text.split('--> statement-breakpoint')) {
      expect(statement.trim()).toMatch(ADDITION);
    }
  }
});
