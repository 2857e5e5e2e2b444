import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseCheckpoint, signCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import { parseNote } from '../../../src/core/audit/note.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import { LogService } from '../../../src/service/log-service.ts';
import type { ServiceLimits } from '../../../src/service/service-limits.ts';
import { openStore } from '../../../src/store/open-store.ts';
import type { Store } from '../../../src/store/ports.ts';
import { csrFor, newDeviceKey } from '../../support/owner.ts';
import { pgliteDatabase } from '../../support/pglite.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'glasskey-seen-'));
const [FIRST, SECOND] = [join(folder, 'first.checkpoint'), join(folder, 'second.checkpoint')];

let database: PGlite;
let log: TestLog;
const running: LogService[] = [];
beforeAll(async () => {
  database = await pgliteDatabase();
  log = await createTestLog({ target: { database }, lastSigned: FIRST });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()));
});
afterAll(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

/** The log on another host, which does not append. */
async function open(store: Store, lastSigned: string, limits: Partial<ServiceLimits> = {}): Promise<LogService> {
  const context = await openLog({ ...log.options, store, lastSigned, limits: { ...log.options.limits, ...limits } });
  return new LogService(context, { sequence: false });
}

async function startSecond(store: Store = log.store, limits: Partial<ServiceLimits> = {}): Promise<LogService> {
  const service = await open(store, SECOND, limits);
  await service.start();
  running.push(service);
  return service;
}

/** Has the first host, the writer, release one more size. */
async function issue(identity: string): Promise<number> {
  const csr = await csrFor(await newDeviceKey(), identity);
  await log.service.issue({ identity, csr, token: log.token, change: undefined, last: undefined });
  return (await log.context.store.readReleased())?.size ?? 0;
}

const released = async (): Promise<string> => (await log.context.store.readReleased())?.checkpoint ?? '';
const noted = async (path: string): Promise<number> =>
  parseCheckpoint(parseNote(await readFile(path, 'utf8')).text).size;

describe('what a host notes of the releases of another one', () => {
  it('is each that it hears of, also while it is idle, and the last of them when it stops', async () => {
    await writeFile(SECOND, await released());
    const second = await startSecond();
    const size = await issue('alice@example.com');
    await vi.waitFor(async () => expect(await noted(SECOND)).toBe(size));
    const last = await issue('bob@example.com');
    await second.progress.refresh();
    await second.stop();
    expect(await noted(SECOND)).toBe(last);
  });

  it('is each, too, if its notification was lost', async () => {
    await writeFile(SECOND, await released());
    const subscribe = () => Promise.resolve(() => Promise.resolve());
    const deaf: Store = Object.assign(Object.create(log.store) as Store, {
      log: (...of: Parameters<Store['log']>) => Object.assign(Object.create(log.store.log(...of)), { subscribe }),
    });
    await startSecond(deaf, { standstillMs: 200 });
    const size = await issue('carol@example.com');
    await vi.waitFor(async () => expect(await noted(SECOND)).toBe(size), { timeout: 10_000 });
  });

  it('is none that does not continue what it has noted', async () => {
    const { origin, noteSigner } = log.context;
    const size = parseCheckpoint(parseNote(await released()).text).size;
    const forked = { origin, size, rootHash: new Uint8Array(32), extensions: [] };
    await writeFile(SECOND, await signCheckpoint(forked, [noteSigner]));
    const second = await startSecond();
    await issue('dora@example.com');
    await second.progress.refresh();
    await second.stop();
    expect(await noted(SECOND)).toBe(size);
    await expect(second.sequencer.step()).rejects.toMatchObject({ code: 'log-rolled-back' });
  });

  it('has both refuse a dump that is restored after one of them advanced', async () => {
    await writeFile(SECOND, await released());
    const second = await startSecond();
    await second.progress.refresh();
    const dump = await database.dumpDataDir('none');
    await issue('emil@example.com');
    await second.progress.refresh();
    await second.stop();
    const restored = await openStore({ database: await PGlite.create({ loadDataDir: dump }) }, { now: log.clock.now });
    try {
      for (const lastSigned of [FIRST, SECOND]) {
        const host = await open(restored, lastSigned);
        log.clock.advance(log.context.limits.heartbeatMs);
        await expect(host.sequencer.step()).rejects.toMatchObject({ code: 'log-rolled-back' });
        const csr = await csrFor(await newDeviceKey(), 'mallory@example.com');
        const order = { identity: 'mallory@example.com', token: log.token, change: undefined, last: undefined };
        await expect(host.issue({ ...order, csr })).rejects.toMatchObject({ code: 'log-rolled-back' });
      }
    } finally {
      await restored.close();
    }
  });
});
