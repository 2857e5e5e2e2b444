import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { canonicalIdentity } from '../../src/identity/canonical-identity.ts';
import { initialise } from '../../src/server/init.ts';
import { type OpenServer, openServer } from '../../src/server/open-server.ts';
import { listUnsealed, sealRows } from '../../src/server/seal-rows.ts';
import type { LogContext } from '../../src/service/log/log-context.ts';
import { newTokenText, verifyToken } from '../../src/service/log/tokens.ts';
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
  const open = await openServer({ data, database: { database }, creates: true });
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
  await onServer(first, async (running) => {
    const seal = async (digest: string) =>
      onServer(first, ({ context }) => sealRows(context, first, { digest, who: 'admin:test' }));
    const { rows, digest } = await onServer(first, ({ context }) => listUnsealed(context));
    const about = expect.stringMatching(/^application token registration, made 2/);
    expect(rows).toEqual([{ table: 'tokens', key: '1', about, identity: undefined, labelKey: undefined }]);

    // After the administrator's look.
    const mine = newTokenText();
    const hash = createHash('sha256').update(mine).digest();
    await database.query(`insert into tokens (log_id, token_hash, name, created_ms) values (1, $1, 'mine', 0)`, [hash]);
    await expect(seal(digest)).rejects.toMatchObject({ code: 'rows-changed' });
    expect(JSON.parse(readFileSync(marker, 'utf8'))).not.toHaveProperty('rows');
    expect(await verifyToken(running.context, mine)).toMatchObject({ name: 'mine' });
    await database.exec(`delete from tokens where name = 'mine'`);
    expect(await seal(digest)).toMatchObject({ rows: [{ key: '1' }], digest });
    expect(JSON.parse(readFileSync(marker, 'utf8'))).toMatchObject({ rows: 'sealed' });

    // A server that began before accepts no unsealed row from then on, either.
    await database.query(`insert into tokens (log_id, token_hash, name, created_ms) values (1, $1, 'mine', 0)`, [hash]);
    await expect(verifyToken(running.context, mine)).rejects.toMatchObject({ code: 'unsealed-row' });
    await database.exec(`delete from tokens where name = 'mine'`);
  });
  expect(await onServer(second, ({ context }) => listUnsealed(context))).toMatchObject({ rows: [] });
  expect([await tokenOn(first), await tokenOn(second)]).toEqual(['registration', 'registration']);
}, 60_000);

it('a row is shown with the identity that its label key proves, and with no other that the database says', async () => {
  await onServer(first, async ({ context }) => {
    const identity = canonicalIdentity('alice@example.com', context.identityRules);
    const labelKey = await context.vrf.labelKey(identity.label);
    const claim = { labelKey, identity: 'alice@example.com', csr: new Uint8Array(9), spkiSha256: new Uint8Array(32) };
    const evidence = Uint8Array.of(3);
    await context.store.addRecovery({ ...claim, evidence, state: 'undecided', requestedMs: 0 });
    await database.exec('update recoveries set mac = null');
    const say = (label: Uint8Array): Promise<unknown> =>
      database.query(
        `insert into labels (log_id, label_key, label, greatest_version) values (1, $1, $2, 0)
         on conflict (log_id, label_key) do update set label = excluded.label`,
        [labelKey, label],
      );
    await say(new TextEncoder().encode('mailto:harmless@example.com'));
    const shown = {
      table: 'recoveries',
      about: expect.stringContaining(`undecided recovery for key ${'00'.repeat(32)}`),
    };
    expect((await listUnsealed(context)).rows).toMatchObject([{ ...shown, identity: undefined }]);
    await say(identity.label);
    expect((await listUnsealed(context)).rows).toMatchObject([{ ...shown, identity: 'alice@example.com' }]);
    await database.exec('delete from recoveries; delete from labels');
  });
}, 60_000);

it('the head of an older program is sealed once the log has released it, and no other head is', async () => {
  const marker = join(first, 'log.json');
  await database.exec('update heads set mac = null');
  const finish = async (context: LogContext) =>
    sealRows(context, first, { digest: (await listUnsealed(context)).digest, who: 'admin:test' });
  const sealed = await onServer(first, ({ context }) => finish(context));
  expect(sealed.rows).toMatchObject([{ table: 'heads', key: '1' }]);
  const readHead = () => onServer(first, ({ context }) => context.store.readHead());
  expect((await readHead()).size).toBe(1);

  writeFileSync(marker, '{"database":"the embedded database"}\n');
  const forged = `mac = null, prefix_root = decode(repeat('77', 32), 'hex')`;
  for (const change of [forged, `${forged}, size = 2`, `${forged}, audit_root = prefix_root`]) {
    await database.exec(`create table kept as select * from heads; update heads set ${change}`);
    const refused = onServer(first, ({ context }) => finish(context));
    await expect(refused).rejects.toMatchObject({ code: expect.stringMatching(/^(?:storage-corrupt|unsealed-row)$/) });
    await database.exec('delete from heads; insert into heads select * from kept; drop table kept');
  }
  expect(JSON.parse(readFileSync(marker, 'utf8'))).not.toHaveProperty('rows');
  await onServer(first, ({ context }) => finish(context));
  expect((await readHead()).size).toBe(1);
}, 60_000);
