import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { MIGRATIONS_FOLDER, migratePglite } from '../../src/store/migrate.ts';

/** A migrated, empty embedded database to start from (`openStore({ memory: true, image })`), kept between runs. */
export async function pgliteImage(): Promise<Blob> {
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

/** Changes with the migrations and with PGlite. */
function fingerprint(): string {
  const hash = createHash('sha256');
  hash.update(readFileSync(join(packageFolder('@electric-sql/pglite'), 'package.json')));
  for (const name of readdirSync(MIGRATIONS_FOLDER)
    .filter((file) => file.endsWith('.sql'))
    .toSorted()) {
    hash.update(readFileSync(join(MIGRATIONS_FOLDER, name)));
  }
  return hash.digest('hex').slice(0, 16);
}

function packageFolder(name: string): string {
  const entry = createRequire(import.meta.url).resolve(name);
  return entry.slice(0, entry.lastIndexOf(name) + name.length);
}
