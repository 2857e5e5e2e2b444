import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { initialise } from '../../src/server/init.ts';
import { openServer } from '../../src/server/open-server.ts';
import { pgliteDatabase } from '../support/pglite.ts';

const data = join(mkdtempSync(join(tmpdir(), 'glasskey-created-')), 'server');
let database: PGlite;
beforeAll(async () => {
  database = await pgliteDatabase();
  // The servers of this test close their stores; the database lives on.
  database.close = () => Promise.resolve();
  const kinds = { suite: 'ed25519', caKey: 'p256' } as const;
  await initialise({ data, ...kinds, origin: 'log.example', publicUrl: undefined, dev: false, nowMs: Date.now() });
});
afterAll(() => rmSync(data, { recursive: true }));

/** Opens the log as a start does; returns what the database holds then. */
async function opened(): Promise<{ readonly entries: number; readonly released: number }> {
  const open = await openServer({ data, database: { database }, creates: true });
  await open.close();
  const count = async (table: string): Promise<number> => {
    const { rows } = await database.query<{ count: number }>(`select count(*)::int as count from ${table}`);
    return rows[0]?.count ?? -1;
  };
  return { entries: await count('entries'), released: await count('released_heads') };
}

it('a log is begun once, whatever somebody takes from its database: opening it signs nothing', async () => {
  expect(await opened()).toEqual({ entries: 1, released: 1 });
  expect(await opened()).toEqual({ entries: 1, released: 1 });
  await database.exec('delete from released_heads');
  expect(await opened()).toEqual({ entries: 1, released: 0 });
  await database.exec(`delete from entries; update heads set size = 0`);
  expect(await opened()).toEqual({ entries: 0, released: 0 });
}, 60_000);
