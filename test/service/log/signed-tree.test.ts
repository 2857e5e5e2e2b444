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

/** Another process on another host, which does not append. */
async function another(): Promise<LogService> {
  const limits = { ...log.options.limits, releaseWaitMs: 200 };
  return new LogService(await openLog({ ...log.options, limits, lastSigned: undefined }), { sequence: false });
}

async function expectRefusal(service: LogService, code: string): Promise<void> {
  const signed = (): number => log.events.filter(({ type }) => type === 'signed').length;
  const before = signed();
  await expect(issue(service, 'mallory@example.com')).rejects.toMatchObject({ code });
  expect(signed()).toBe(before);
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

  it('is not an older one because later releases are hidden, whether the process is new or runs', async () => {
    const [running, starting] = await Promise.all([another(), another()]);
    await issue(running, 'carla@example.com');
    const { size } = (await running.progress.refresh()).released;
    await issue(log.service, 'carlo@example.com');
    await database.exec(
      `create table kept as select * from released_heads; delete from released_heads where size > ${size}`,
    );
    await expectRefusal(starting, 'release-stalled');
    log.clock.advance(10_000);
    await expectRefusal(running, 'release-stalled');
    await database.exec('delete from released_heads; insert into released_heads select * from kept; drop table kept');
    await issue(starting, 'carmen@example.com');
    await issue(running, 'carola@example.com');
  });

  it('is not taken from a database that is older than what this host has seen another server sign', async () => {
    const copy = await database.dumpDataDir('none');
    const lastSigned = join(folder, 'other.checkpoint');
    const first = new SignedCheckpointFile(lastSigned, 'log.example', [log.context.noteSigner.vkey]);
    await first.write((await log.context.store.readReleased())!.checkpoint);
    await issue(log.service, 'dora@example.com');
    const other = new LogService(await openLog({ ...log.options, lastSigned }), { sequence: false });
    await issue(other, 'emil@example.com');
    await other.stop();

    const older = await openStore({ database: await PGlite.create({ loadDataDir: copy }) }, { now: log.clock.now });
    const restarted = new LogService(await openLog({ ...log.options, store: older, lastSigned }), { sequence: false });
    await expectRefusal(restarted, 'log-rolled-back');
    await older.close();
  });

  it('is not one that is too old for clients, though the sealed head says that it is the newest', async () => {
    await log.service.stop();
    await database.exec('create table old_head as select * from heads');
    const { maxBehindMs } = log.context.configuration;
    log.clock.advance(maxBehindMs + 1);
    const writer = await another();
    await writer.sequencer.step();
    const { size } = await log.context.store.readHead();
    await database.exec(`update heads set (size, timestamp_ms, prefix_root, prefix_tile_position, prefix_tile_counter,
      log_root, audit_root, log_edge, audit_edge, log_end, mac) = (select size, timestamp_ms, prefix_root,
      prefix_tile_position, prefix_tile_counter, log_root, audit_root, log_edge, audit_edge, log_end, mac from old_head);
      delete from released_heads where size = ${size}`);
    expect((await log.context.store.readHead()).size).toBe(size - 1);
    await expectRefusal(await another(), 'release-stalled');
  });
});
