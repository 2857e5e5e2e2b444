import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { initialise } from '../../src/server/init.ts';
import { type OpenServer, openServer } from '../../src/server/open-server.ts';
import { listUnsealed, sealRows } from '../../src/server/seal-rows.ts';
import { verifyToken } from '../../src/service/log/tokens.ts';
import { pgliteDatabase } from '../support/pglite.ts';

const folder = mkdtempSync(join(tmpdir(), 'glasskey-seals-'));
const [first, second] = [join(folder, 'first'), join(folder, 'second')];
let database: PGlite;
beforeAll(async () => {
  database = await pgliteDatabase();
  // The servers of this test close their stores; the database lives on.
  database.close = () => Promise.resolve();
  const kinds = { suite: 'ed25519', caKey: 'p256' } as const;
  await initialise({
    data: first,
    ...kinds,
    origin: 'log.example',
    publicUrl: undefined,
    dev: false,
    nowMs: Date.now(),
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

const firstToken = (): string => readFileSync(join(first, 'registration.token'), 'utf8').trim();

async function onServer<T>(data: string, work: (open: OpenServer) => Promise<T>): Promise<T> {
  const open = await openServer({ data, database: { database } });
  try {
    return await work(open);
  } finally {
    await open.close();
  }
}

const tokenOn = (data: string): Promise<string> =>
  onServer(data, async ({ context }) =>
    verifyToken(context, firstToken()).then(
      ({ name }) => name,
      (error: { code: string }) => error.code,
    ),
  );

it('servers of a log share its seal; a log of an older program takes unsealed rows until they are sealed once', async () => {
  const marker = join(first, 'log.json');
  expect(await onServer(first, async ({ warnings }) => warnings.join())).not.toContain('seal-rows');
  expect(JSON.parse(readFileSync(marker, 'utf8'))).toEqual({ database: 'the embedded database', rows: 'sealed' });
  cpSync(first, second, { recursive: true });
  expect(await tokenOn(second)).toBe('registration');

  await database.exec('update tokens set mac = null');
  expect(await tokenOn(first)).toBe('unsealed-row');
  writeFileSync(marker, '{"database":"the embedded database"}\n');
  expect(await onServer(first, async ({ warnings }) => warnings.join())).toContain('glasskey admin seal-rows');
  expect(await tokenOn(first)).toBe('registration');
  const sealed = await onServer(first, ({ context }) => sealRows(context, first, 'admin:test'));
  expect(sealed).toEqual([{ table: 'tokens', key: '1', about: 'registration' }]);
  expect(JSON.parse(readFileSync(marker, 'utf8'))).toMatchObject({ rows: 'sealed' });
  expect(await onServer(second, ({ context }) => listUnsealed(context))).toEqual([]);
  expect([await tokenOn(first), await tokenOn(second)]).toEqual(['registration', 'registration']);
}, 60_000);
