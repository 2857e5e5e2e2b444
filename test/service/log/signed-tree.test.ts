import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLog } from '../../../src/service/log/open-log.ts';
import { SignedCheckpointFile } from '../../../src/service/log/signed-checkpoint-file.ts';
import { SignedTree } from '../../../src/service/log/signed-tree.ts';
import { LogService } from '../../../src/service/log-service.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { pgliteDatabase } from '../../support/pglite.ts';
import { csrFor, newDeviceKey } from '../../support/owner.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'glasskey-signed-'));
let database: PGlite;
let log: TestLog;
beforeAll(async () => {
  database = await pgliteDatabase();
  log = await createTestLog({ target: { database }, lastSigned: join(folder, 'writer.checkpoint') });
});
afterAll(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

async function issue(service: LogService, identity: string) {
  const csr = await csrFor(await newDeviceKey(), identity);
  return service.issue({ identity, csr, token: log.token, change: undefined, last: undefined });
}

describe('the signed prefix tree', () => {
  it('is that of the newest released head, and of no other', async () => {
    await issue(log.service, 'alice@example.com');
    const tree = new SignedTree(log.context, log.service.progress);
    const { size } = await tree.newest();
    expect(size).toBe((await log.context.store.readReleased())?.size);
    await issue(log.service, 'bob@example.com');
    expect((await tree.newest()).size).toBe(size + 1);
    await database.exec(`update released_heads set checkpoint = replace(checkpoint, 'log.example', 'log.exampl3')`);
    const fresh = new LogService(log.context, { sequence: false });
    await expect(issue(fresh, 'carol@example.com')).rejects.toMatchObject({ code: 'storage-corrupt' });
    await database.exec(`update released_heads set checkpoint = replace(checkpoint, 'log.exampl3', 'log.example')`);
  });

  it('is not taken from a database that is older than what this host has seen another server sign', async () => {
    const copy = await database.dumpDataDir('none');
    const lastSigned = join(folder, 'other.checkpoint');
    const first = new SignedCheckpointFile(lastSigned, 'log.example', [log.context.noteSigner.vkey]);
    await first.write((await log.context.store.readReleased())!.checkpoint);
    await issue(log.service, 'dora@example.com');
    const other = new LogService(await openLog({ ...log.options, lastSigned }), { sequence: false });
    await issue(other, 'emil@example.com');

    const older = await openStore({ database: await PGlite.create({ loadDataDir: copy }) }, { now: log.clock.now });
    const restarted = new LogService(await openLog({ ...log.options, store: older, lastSigned }), { sequence: false });
    const signed = log.events.filter(({ type }) => type === 'signed').length;
    await expect(issue(restarted, 'mallory@example.com')).rejects.toMatchObject({ code: 'log-rolled-back' });
    expect(log.events.filter(({ type }) => type === 'signed').length).toBe(signed);
    await older.close();
  });
});
