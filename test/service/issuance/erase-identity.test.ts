import type { PGlite } from '@electric-sql/pglite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { generateKey } from '../../../src/client/client-key.ts';
import { MemoryState } from '../../../src/client/state/client-state.ts';
import { formatPem } from '../../../src/ca/der/pem.ts';
import { signErasureReceipt, verifyErasureReceipt } from '../../../src/service/admin/erasure-receipt.ts';
import { requestHash } from '../../../src/service/issuance/requests.ts';
import { readLabelState } from '../../../src/service/log/label-state.ts';
import { closeOpenIntent } from '../../../src/service/sequencing/intent-closing.ts';
import { unpackRecord } from '../../../src/store/packed-record.ts';
import { identityOf } from '../../support/owner.ts';
import { pgliteDatabase } from '../../support/pglite.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

const ALICE = 'alice@example.com';
const BOB = 'bob@example.com';

let database: PGlite;
let server: TestServer;
beforeEach(async () => {
  database = await pgliteDatabase();
  server = await createTestServer({ target: { database } });
});
afterEach(async () => {
  await server.close();
});

/** Registers, and rotates once. */
async function twoVersions(identity: string) {
  const owner = await server.client();
  const [first, second] = [await generateKey(), await generateKey()];
  await owner.register(identity, { token: server.log.token, key: first });
  const issued = await owner.rotate(identity, first, second);
  return { owner, key: second, issued };
}

const erase = (identity: string) => server.log.service.erase({ identity, who: 'admin:eve' });

/** Every text and every byte array of the database, and every record unpacked: where a name could still be. */
async function everything(): Promise<string> {
  const { rows } = await database.query<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'public'",
  );
  const dumps = [];
  for (const { name } of rows) {
    const table = await database.query<Record<string, unknown>>(`select * from ${name}`);
    dumps.push(
      table.rows.map((row) =>
        Object.values(row).map((value) =>
          value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : JSON.stringify(value),
        ),
      ),
    );
  }
  const records = await database.query<{ value: Uint8Array | null }>('select value from versions');
  const unpacked = records.rows.map(({ value }) => Buffer.from(unpackRecord(value) ?? []).toString('latin1'));
  return [...dumps.flat(2), ...unpacked].join('\n');
}

describe('an erasure', () => {
  it('leaves no trace of the name, and everybody else as they were', async () => {
    const { issued } = await twoVersions(ALICE);
    await twoVersions(BOB);
    expect(await everything()).toContain(ALICE);
    const erased = await erase('Alice@example.com');
    expect(erased).toMatchObject({ identity: ALICE, version: 2, deleted: { versions: 2, certificates: 2 } });
    const left = await everything();
    expect(left).not.toContain(ALICE);
    expect(left).toContain(BOB);
    const serial = issued.binding.certificates[0]?.serial ?? '';
    expect(await server.log.context.store.findCertificate(serial)).toBeUndefined();
    expect((await (await server.client()).lookup(BOB)).found).toBe(true);
  });

  it('is proved to whoever looks the name up, and what was before is gone', async () => {
    const { owner } = await twoVersions(ALICE);
    const contact = new MemoryState();
    await (await server.client(contact)).lookup(ALICE);
    await erase(ALICE);
    for (const client of [await server.client(contact), await server.client()]) {
      const result = await client.lookup(ALICE);
      expect(result).toMatchObject({
        found: true,
        binding: { version: 2, certificates: [], claimed: { type: 'maintenance', kind: 'erasure' } },
      });
      await expect(client.lookupVersion(ALICE, 1)).rejects.toMatchObject({ code: 'erased' });
    }
    expect(await owner.monitor([ALICE])).toBeDefined();
    const key = await generateKey();
    await expect(owner.register(ALICE, { token: server.log.token, key })).rejects.toMatchObject({
      code: 'change-required',
    });
  });

  it('puts the certificates on the CRL, and leaves audits whole', async () => {
    const { issued } = await twoVersions(ALICE);
    const auditor = await server.client();
    await auditor.audit();
    await erase(ALICE);
    const revoked = await server.log.context.store.listRevoked(server.log.clock.nowMs);
    expect(revoked.map(({ serial }) => serial)).toContain(issued.binding.certificates[0]?.serial);
    expect((await auditor.audit()).treeSize).toBe(4);
    expect((await (await server.client()).audit()).treeSize).toBe(4);
  });

  it('can be asked for again, and by two at once', async () => {
    await twoVersions(ALICE);
    const both = await Promise.all([erase(ALICE), erase(ALICE)]);
    expect(both.map(({ version }) => version)).toEqual([2, 2]);
    const again = await erase(ALICE);
    expect(again).toMatchObject({ version: 2, deleted: { versions: 0, certificates: 0 } });
    await expect(erase('nobody@example.com')).rejects.toMatchObject({ code: 'identity-not-found' });
  });

  it('waits for the same one that another process has begun, and takes over what that gave up', async () => {
    await twoVersions(ALICE);
    const { context } = server.log;
    const { label } = identityOf(ALICE);
    const labelKey = await context.vrf.labelKey(label);
    const { commitment } = (await readLabelState(context, labelKey))!;
    const hash = requestHash('erasure', label, [commitment], undefined);
    const begun = { labelKey, version: 2, requestHash: hash };
    expect((await context.store.openIntent({ ...begun, createdMs: context.now() })).opened).toBe(true);
    const erased = erase(ALICE);
    await sleep(150);
    expect(await closeOpenIntent(context, begun, undefined)).toBe(true);
    expect(await erased).toMatchObject({ version: 2, deleted: { versions: 2 } });
  });

  it('of a name without certificates empties the last version too', async () => {
    const { owner, key } = await twoVersions(ALICE);
    await owner.revoke(ALICE, key);
    expect(await erase(ALICE)).toMatchObject({ version: 2, deleted: { versions: 3 } });
    await expect((await server.client()).lookup(ALICE)).rejects.toMatchObject({ code: 'erased' });
    expect(await everything()).not.toContain(ALICE);
    expect(await erase(ALICE)).toMatchObject({ deleted: { versions: 0 } });
    expect((await (await server.client()).audit()).treeSize).toBe(4);
  });

  it('of a name without certificates claims the next version, so that no recovery outlives it', async () => {
    const { owner, key } = await twoVersions(ALICE);
    await owner.revoke(ALICE, key);
    const { context } = server.log;
    const labelKey = await context.vrf.labelKey(identityOf(ALICE).label);
    const recovery = { labelKey, version: 3, requestHash: new Uint8Array(32).fill(1), createdMs: context.now() };
    expect((await context.store.openIntent(recovery)).opened).toBe(true);
    await expect(erase(ALICE)).rejects.toMatchObject({ code: 'version-conflict' });
    expect(await everything()).toContain(ALICE);
    expect(await closeOpenIntent(context, recovery, undefined)).toBe(true);

    const meanwhile = vi.spyOn(context.store, 'erase').mockImplementationOnce(async (...parameters) => {
      expect((await context.store.openIntent(recovery)).opened).toBe(false);
      return context.store.erase(...parameters);
    });
    expect(await erase(ALICE)).toMatchObject({ version: 2, deleted: { versions: 3 } });
    expect(meanwhile).toHaveBeenCalledTimes(2);
    expect((await context.store.openIntent(recovery)).opened).toBe(true);
  });

  it('gives a receipt that only the CA can have signed', async () => {
    await twoVersions(ALICE);
    const { context } = server.log;
    const { issuer } = context.keys;
    const issuers = [formatPem('CERTIFICATE', issuer.certificate.der)];
    const receipt = await signErasureReceipt(context.origin, issuer, await erase(ALICE));
    const said = await verifyErasureReceipt(receipt, issuers);
    expect(said).toMatchObject({ log: context.origin, identity: ALICE, version: '2' });
    const forged = receipt.replace(ALICE, BOB);
    await expect(verifyErasureReceipt(forged, issuers)).rejects.toMatchObject({ code: 'bad-signature' });
    const other = receipt.replace(/issuer: .*/, 'issuer: 01');
    await expect(verifyErasureReceipt(other, issuers)).rejects.toMatchObject({ code: 'untrusted-issuer' });
    for (const bad of ['', receipt.slice(0, -1), `${receipt}x\n`, receipt.replace('log:', 'lag:')]) {
      await expect(verifyErasureReceipt(bad, issuers)).rejects.toMatchObject({ code: 'malformed-encoding' });
    }
  });
});
