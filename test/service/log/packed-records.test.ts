import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ASSUMPTIONS } from '../../../bench/scale/assumptions.ts';
import { generateKey } from '../../../src/client/client-key.ts';
import { identityOf } from '../../support/owner.ts';
import { pgliteDatabase } from '../../support/pglite.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

const [ALICE, BOB] = ['alice@chat.example', 'bob@chat.example'];

let database: PGlite;
let server: TestServer;
beforeAll(async () => {
  database = await pgliteDatabase();
  server = await createTestServer({ target: { database } });
  for (const name of [ALICE, BOB]) {
    const [owner, key] = [await server.client(), await generateKey()];
    await owner.register(name, { token: server.log.token, key });
    await owner.renew(name, key);
  }
}, 60_000);
afterAll(() => server.close());

const labelKeyOf = (name: string) => server.log.context.vrf.labelKey(identityOf(name).label);

it('records take the room that docs/scale.md assumes', async () => {
  const { rows } = await database.query<{ version: number; length: number }>(
    'select version, octet_length(value) as length from versions order by version',
  );
  const [first, , change] = rows.map(({ length }) => length) as [number, number, number, number];
  const mean = (first + ASSUMPTIONS.changesPerYear * change) / (1 + ASSUMPTIONS.changesPerYear);
  expect(Math.abs(mean - ASSUMPTIONS.packedRecordBytes)).toBeLessThan(10);
});

it('a packed record that is damaged fails its own name, and no other', async () => {
  const labelKey = await labelKeyOf(ALICE);
  await database.query(
    `update versions set value = set_byte(value, 20, 255 - get_byte(value, 20)) where label_key = $1`,
    [labelKey],
  );
  const reader = await server.client();
  await expect(reader.lookup(ALICE)).rejects.toMatchObject({ code: 'storage-corrupt' });
  const [alice, bob] = await Promise.allSettled([reader.lookup(ALICE), reader.lookup(BOB)]);
  expect(alice).toMatchObject({ status: 'rejected', reason: { code: 'storage-corrupt' } });
  expect(bob).toMatchObject({ status: 'fulfilled', value: { found: true } });
});
