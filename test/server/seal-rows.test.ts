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

it('the head of an older program is sealed once the log has released it, and no other head is', async () => {
  const marker = join(first, 'log.json');
  await database.exec('update heads set mac = null');
  const sealed = await onServer(first, ({ context }) => sealRows(context, first, 'admin:test'));
  expect(sealed).toMatchObject([{ table: 'heads', key: '1' }]);
  const readHead = () => onServer(first, ({ context }) => context.store.readHead());
  expect((await readHead()).size).toBe(1);

  writeFileSync(marker, '{"database":"the embedded database"}\n');
  const forged = `mac = null, prefix_root = decode(repeat('77', 32), 'hex')`;
  for (const change of [forged, `${forged}, size = 2`, `${forged}, audit_root = prefix_root`]) {
    await database.exec(`create table kept as select * from heads; update heads set ${change}`);
    const refused = onServer(first, ({ context }) => sealRows(context, first, 'admin:test'));
    await expect(refused).rejects.toMatchObject({ code: expect.stringMatching(/^(?:storage-corrupt|unsealed-row)$/) });
    await database.exec('delete from heads; insert into heads select * from kept; drop table kept');
  }
  expect(JSON.parse(readFileSync(marker, 'utf8'))).not.toHaveProperty('rows');
  await onServer(first, ({ context }) => sealRows(context, first, 'admin:test'));
  expect((await readHead()).size).toBe(1);
}, 60_000);
