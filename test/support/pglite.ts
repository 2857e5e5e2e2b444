import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { migratePglite } from '../../src/store/migrate.ts';
import { MIGRATIONS_FOLDER } from '../../src/store/schema-versions.ts';

/** Databases that were closed, and are empty again. */
const spare: PGlite[] = [];

/**
 * An embedded database in memory, migrated and empty. Closing it empties it for the next caller, which costs a fraction
 * of making one. Its schema must stay as it is.
 */
export async function pgliteDatabase(): Promise<PGlite> {
  const database = spare.pop() ?? (await PGlite.create({ loadDataDir: await pgliteImage() }));
  const close = database.close.bind(database);
  database.close = async () => {
    database.close = close;
    await empty(database);
    spare.push(database);
  };
  return database;
}

/** Databases emptied so far by this process. */
let emptied = 0;
/** Removes every row of every table; the schema is the same for all databases. */
let removal: string | undefined;

/** Removes every row and every session setting; foreign keys are not looked at meanwhile. */
async function empty(database: PGlite): Promise<void> {
  removal ??= await removalOf(database);
  // In one go: a call of its own for each table takes ten times as long.
  await database.exec(removal);
  // Nothing else takes away what was deleted, and it would stay in memory.
  if (++emptied % 20 === 0) await database.exec('vacuum');
  await database.exec('discard all');
}

async function removalOf(database: PGlite): Promise<string> {
  const { rows } = await database.query<{ name: string }>(
    "select quote_ident(tablename) as name from pg_tables where schemaname = 'public' and tablename not in ('kept', 'old_head')",
  );
  const { rows: sequences } = await database.query<{ name: string }>(
    "select quote_ident(sequencename) as name from pg_sequences where schemaname = 'public'",
  );
  return [
    'set session_replication_role = replica',
    // Where tests keep rows aside.
    'drop table if exists kept, old_head',
    ...rows.map(({ name }) => `delete from ${name}`),
    ...sequences.map(({ name }) => `alter sequence ${name} restart`),
  ].join('; ');
}

/** A migrated, empty embedded database to start from, kept between runs. */
async function pgliteImage(): Promise<Blob> {
  const path = join(tmpdir(), `glasskey-test-pglite-${fingerprint()}.tar`);
  try {
    return new Blob([await readFile(path)]);
  } catch {
    const image = await makeImage();
    const own = `${path}.${randomUUID()}`;
    await writeFile(own, new Uint8Array(await image.arrayBuffer()));
    await rename(own, path);
    return image;
  }
}

async function makeImage(): Promise<Blob> {
  const database = await PGlite.create();
  await migratePglite(database);
  const image = await database.dumpDataDir('none');
  await database.close();
  return image;
}

/** Changes with the migrations, their times, and with PGlite. */
function fingerprint(): string {
  const hash = createHash('sha256');
  hash.update(readFileSync(join(packageFolder('@electric-sql/pglite'), 'package.json')));
  const files = readdirSync(MIGRATIONS_FOLDER).filter((file) => file.endsWith('.sql'));
  for (const name of [...files.toSorted(), 'meta/_journal.json']) {
    hash.update(readFileSync(join(MIGRATIONS_FOLDER, name)));
  }
  return hash.digest('hex').slice(0, 16);
}

function packageFolder(name: string): string {
  const entry = createRequire(import.meta.url).resolve(name);
  return entry.slice(0, entry.lastIndexOf(name) + name.length);
}
