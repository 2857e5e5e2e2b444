import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { growLog, prefixTileRows } from '../../../src/service/sequencing/grow-log.ts';
import { endLog } from '../../../src/service/sequencing/end-log.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import { LogService } from '../../../src/service/log-service.ts';
import type { StoreTarget } from '../../../src/store/open-store.ts';
import type { HeadRow, LogStore } from '../../../src/store/ports.ts';
import { emptyDatabase } from '../../store/each-store.ts';
import { bytes } from '../../store/samples.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

/** Columns of `heads` that an attacker could change, and values that no row of this test has. */
const COLUMNS = {
  size: '77',
  timestamp_ms: '77',
  prefix_root: `decode(repeat('77', 32), 'hex')`,
  'prefix_tile_position, prefix_tile_counter': '77, 77',
  log_root: `decode(repeat('77', 32), 'hex')`,
  audit_root: `decode(repeat('77', 32), 'hex')`,
  log_edge: `decode('77', 'hex')`,
  audit_edge: `decode('77', 'hex')`,
  log_end: `decode('77', 'hex')`,
};

let folder: string;
let log: TestLog;
let target: StoreTarget;
/** What happens right after the next append is committed. */
let afterAppend: (() => Promise<unknown>) | undefined;

const intrude = (store: LogStore): LogStore =>
  Object.assign(Object.create(store) as LogStore, {
    append: async (...of: Parameters<LogStore['append']>) => {
      await store.append(...of);
      const then = afterAppend;
      afterAppend = undefined;
      await then?.();
    },
  });

/** Runs statements with write access to the database. */
async function sql(text: string): Promise<void> {
  if (typeof target === 'string') {
    const client = postgres(target, { max: 1 });
    await client.unsafe(text).simple();
    await client.end();
  } else if ('database' in target) await target.database.exec(text);
}

/** Appends an entry whose rows all fit each other, without the rules of a server. Default: without its keys, too. */
async function forge(seed = 'forged', store?: LogStore): Promise<HeadRow> {
  const { configHash, readPrefixTiles: readTiles, format, origin } = log.context;
  const to = store ?? log.store.log((await log.store.findLog(origin))!.logId);
  const head = await to.readHead();
  const changes = [[{ vrfOutput: bytes(seed), commitment: bytes('commitment') }]];
  const growth = await growLog({ head, changes, timestampMs: head.timestampMs, configHash, readTiles, format });
  const prefixTiles = prefixTileRows(growth.prefixTiles);
  await to.append({ ...growth, prefixTiles, versions: [], rejected: [], revocations: [] });
  return growth.head;
}

const releasedSize = async (): Promise<number | undefined> => (await log.context.store.readReleased())?.size;

/** Runs a step that has something to append. */
function grow(service = log.service): Promise<unknown> {
  log.clock.advance(log.context.limits.heartbeatMs);
  return service.sequencer.step();
}

describe.each(['postgres', 'pglite'] as const)('a head that no server wrote, on %s', (kind) => {
  beforeEach(async () => {
    target = await emptyDatabase(kind);
    folder = await mkdtemp(join(tmpdir(), 'glasskey-heads-'));
    const lastSigned = join(folder, 'last-signed');
    log = await createTestLog({ target, wrap: intrude, lastSigned, loop: false });
    await grow();
  }, 60_000);
  afterEach(async () => {
    afterAppend = undefined;
    await sql('drop table if exists kept');
    await log.close();
    await rm(folder, { recursive: true });
  });

  it('is not signed by a server that starts', async () => {
    await forge();
    const restarted = new LogService(await openLog(log.options), { sequence: false });
    await expect(grow(restarted)).rejects.toMatchObject({ code: 'unsealed-row' });
    await expect(restarted.sequencer.step()).rejects.toMatchObject({ code: 'unsealed-row' });
    expect(await releasedSize()).toBe(2);
  });

  it('is not signed by the server that writes', async () => {
    await forge();
    await expect(grow()).rejects.toMatchObject({ code: 'head-moved' });
    for (let again = 0; again < 2; again++) await expect(grow()).rejects.toMatchObject({ code: 'unsealed-row' });
    expect(await releasedSize()).toBe(2);
  });

  it('is not signed as what the server appended, in its place or after it', async () => {
    afterAppend = () => forge();
    await expect(grow()).rejects.toMatchObject({ code: 'unsealed-row' });
    await expect(grow()).rejects.toMatchObject({ code: 'unsealed-row' });
    await sql('delete from entries where position >= 2; delete from prefix_tiles where position >= 2');
    expect(await releasedSize()).toBe(2);
  });

  it('is not taken for the end of a log, nor is a log ended after it', async () => {
    await sql(`update heads set log_end = decode('77', 'hex')`);
    await expect(log.context.store.readLogEnd()).rejects.toMatchObject({ code: 'unsealed-row' });
    await sql('update heads set log_end = null');
    await forge();
    const sign = (): never => {
      throw new Error('nothing is signed');
    };
    await expect(endLog(log.context, { sign, who: 'admin:test', acceptClockGap: false })).rejects.toMatchObject({
      code: 'unsealed-row',
    });
  });

  it('is noticed by each of its columns, also right after the append', async () => {
    await sql('create table kept as select * from heads');
    for (const [column, value] of Object.entries(COLUMNS)) {
      await sql(`update heads set (${column}) = row(${value})`);
      await expect(log.context.store.readHead(), column).rejects.toMatchObject({ code: 'unsealed-row' });
      await sql('delete from heads; insert into heads select * from kept');
    }
    await log.context.store.readHead();
    afterAppend = () => sql(`update heads set audit_edge = decode('77', 'hex')`);
    await expect(grow()).rejects.toMatchObject({ code: 'unsealed-row' });
    expect(await releasedSize()).toBe(2);
  });

  it('counts where it is an old one with its seal only until the server has signed more', async () => {
    await sql('create table kept as select * from heads');
    await grow();
    const undo = 'delete from entries where position >= 2; delete from released_heads where size >= 3';
    await sql(`delete from heads; insert into heads select * from kept; ${undo}`);
    // Another server, which knows nothing of the last entry, appends others.
    const { lastSigned: _, ...options } = log.options;
    const other = new LogService(await openLog(options), { sequence: false });
    for (let entry = 0; entry < 2; entry++) await grow(other);
    await expect(grow()).rejects.toMatchObject({ code: 'head-moved' });
    await expect(grow()).rejects.toMatchObject({ code: 'log-rolled-back' });
  });

  it('is not what another server appended meanwhile: that one is checked, and signed in the next step', async () => {
    afterAppend = () => forge('another', log.context.store);
    await expect(grow()).rejects.toMatchObject({ code: 'head-moved' });
    expect(await releasedSize()).toBe(2);
    await log.service.sequencer.step();
    expect(await releasedSize()).toBe(4);
  });
});
