import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseCheckpoint, signCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import { noteSigner, parseNote } from '../../../src/core/audit/note.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import { LogService } from '../../../src/service/log-service.ts';
import { removeUnfinished } from '../../../src/service/log/durable-file.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import { SignedCheckpointFile } from '../../../src/service/log/signed-checkpoint-file.ts';
import { type Failure, FailingFiles } from '../../support/failing-files.ts';
import type { LogStore } from '../../../src/store/ports.ts';
import { TestWitnesses } from '../../support/test-witnesses.ts';
import { adoptReleased, checkpointFrom } from '../../../src/service/sequencing/rollback-check.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';
import { testSigner } from '../../core/audit/test-signer.ts';

describe('the file with the last signed checkpoint', () => {
  let folder: string;
  let path: string;
  let log: TestLog;
  let held: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glasskey-signed-'));
    path = join(folder, 'last-signed');
    log = await createTestLog({ loop: false, lastSigned: path });
  });
  beforeEach(async () => {
    log.clock.advance(log.context.limits.heartbeatMs);
    if (held !== undefined) await writeFile(path, held);
    await (await restart()).sequencer.step();
    held = await readFile(path, 'utf8');
  });
  afterAll(async () => {
    await log.close();
    await rm(folder, { recursive: true });
  });

  const size = async (): Promise<number> => (await log.context.store.readHead()).size;
  const restart = async (): Promise<LogService> => new LogService(await openLog(log.options), { sequence: false });
  /** The store, with another checkpoint as the released one. */
  const withReleased = (checkpoint: string): LogStore =>
    Object.assign(Object.create(log.context.store) as LogStore, {
      readReleased: async () => ({ ...(await log.context.store.readReleased()), checkpoint }),
    });
  const sign = async (entries: number, rootHash: Uint8Array, seed?: number): Promise<void> => {
    const { origin, noteSigner: own } = log.context;
    const signer = seed === undefined ? own : noteSigner(origin, testSigner(seed));
    await writeFile(path, await signCheckpoint({ origin, size: entries, rootHash, extensions: [] }, [signer]));
  };
  const expectRefused = async (service: LogService): Promise<void> => {
    const before = await readFile(path, 'utf8');
    log.clock.advance(log.context.limits.heartbeatMs);
    await expect(service.sequencer.step()).rejects.toMatchObject({ code: 'log-rolled-back' });
    expect(await service.files.checkpoint()).toBe((await log.context.store.readReleased())?.checkpoint);
    expect(await readFile(path, 'utf8')).toBe(before);
  };

  it('holds what was released last, and lets the same log start again', async () => {
    expect(parseCheckpoint(parseNote(held).text).size).toBe(await size());
    log.clock.advance(log.context.limits.heartbeatMs);
    expect(await (await restart()).sequencer.step()).toBe('appended');
    expect(parseCheckpoint(parseNote(await readFile(path, 'utf8')).text).size).toBe(await size());
    held = await readFile(path, 'utf8');
  });

  it('stops a host without it, until somebody says that the database is the newest', async () => {
    await rm(path);
    log.clock.advance(log.context.limits.heartbeatMs);
    const before = await size();
    await expect((await restart()).sequencer.step()).rejects.toMatchObject({
      code: 'log-rolled-back',
      message: expect.stringContaining('--accept-missing-checkpoint'),
    });
    expect(await size()).toBe(before);
    await adoptReleased(log.context);
    expect(await readFile(path, 'utf8')).toBe((await log.context.store.readReleased())?.checkpoint);
    const service = await restart();
    expect(await service.sequencer.step()).toBe('appended');
    held = await readFile(path, 'utf8');
    // It adopts nothing in the place of what it has signed.
    await adoptReleased({ ...log.context, store: withReleased('nothing of this log') });
    expect(await readFile(path, 'utf8')).toBe(held);
  });

  it('is not made of what another log has signed', async () => {
    await rm(path);
    await expect(adoptReleased({ ...log.context, store: withReleased('nothing of this log') })).rejects.toBeDefined();
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('stops a database that is older than it', async () => {
    await sign((await size()) + 1, new Uint8Array(32));
    await expectRefused(await restart());
  });

  it('stops a database that has something else at its size', async () => {
    await sign((await size()) - 1, new Uint8Array(32));
    await expectRefused(await restart());
  });

  it('stops where nobody knows what was signed', async () => {
    await writeFile(path, held.slice(0, 40));
    await expectRefused(await restart());
    await sign(1, new Uint8Array(32), 77);
    await expectRefused(await restart());
  });

  it('is written before a head is released: where it cannot be, the release fails', async () => {
    const full = async (files: FailingFiles): Promise<LogService> => {
      const { origin, noteSigner: own } = log.context;
      const lastSigned = new SignedCheckpointFile(path, origin, [own.vkey], files.files);
      return new LogService({ ...(await openLog(log.options)), lastSigned }, { sequence: false });
    };
    const before = await log.context.store.readReleased();
    log.clock.advance(log.context.limits.heartbeatMs);
    // The check at the start lists the folder, reads the file and syncs the folder, in four calls; the fifth writes.
    const service = await full(new FailingFiles('ENOSPC', 5));
    await expect(service.sequencer.step()).rejects.toMatchObject({ code: 'storage-failed' });
    expect(await log.context.store.readReleased()).toEqual(before);
    expect(await readFile(path, 'utf8')).toBe(held);
    // It tries again, with room on the disk.
    await service.sequencer.step();
    expect(await readFile(path, 'utf8')).toBe((await log.context.store.readReleased())?.checkpoint);
    held = await readFile(path, 'utf8');
  });

  it.each<Failure>(['ENOSPC', 'EIO'])('shows at a start that its folder cannot be written (%s)', async (failure) => {
    const { origin, noteSigner: own } = log.context;
    for (let at = 1; ; at++) {
      const disk = new FailingFiles(failure, at);
      const file = new SignedCheckpointFile(path, origin, [own.vkey], disk.files);
      const error = await file.assertWritable().catch((caught: unknown) => caught);
      if (!disk.fails) break;
      expect([at, error]).toEqual([at, expect.objectContaining({ code: 'storage-failed' })]);
      await removeUnfinished(folder);
    }
    expect(await readdir(folder)).toEqual(['last-signed']);
    expect(await readFile(path, 'utf8')).toBe(held);
  });
});

describe.each<Failure>(['killed', 'ENOSPC', 'EIO'])(
  'a log whose file with the last signed checkpoint fails (%s)',
  (failure) => {
    it('starts again with what is there, wherever it was, and signs nothing else', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'glasskey-signed-'));
      const witnesses = await TestWitnesses.create({ count: 1, threshold: 1 });
      const path = join(folder, 'last-signed');
      const log = await createTestLog({ loop: false, witnesses, lastSigned: path });
      const { origin, noteSigner: own, limits, store } = log.context;
      let failed = 0;
      for (let at = 1; ; at++) {
        log.clock.advance(limits.heartbeatMs);
        const disk = new FailingFiles(failure, at);
        const lastSigned = new SignedCheckpointFile(path, origin, [own.vkey], disk.files);
        const broken = new LogService({ ...(await openLog(log.options)), lastSigned }, { sequence: false });
        await broken.sequencer.step().catch((error: unknown) => {
          if (!isGlasskeyError(error, 'storage-failed')) throw error;
        });
        if (!disk.fails) break;
        failed++;
        await removeUnfinished(folder);
        const signed = await new SignedCheckpointFile(path, origin, [own.vkey]).read();
        const committed = (await store.readHead()).size;
        expect([at, (signed?.size ?? 0) <= committed]).toEqual([at, true]);
        log.clock.advance(limits.heartbeatMs);
        const next = new LogService(await openLog(log.options), { sequence: false });
        expect([at, await next.sequencer.step(), next.sequencer.failure]).toEqual([at, 'appended', undefined]);
        const kept = await new SignedCheckpointFile(path, origin, [own.vkey]).read();
        expect([at, kept?.size]).toEqual([at, (await store.readHead()).size]);
        expect(await readdir(folder)).toEqual(['last-signed']);
      }
      expect(failed).toBeGreaterThan(5);
      // One witness has seen all of it: had two trees of a size been signed, it would have refused one.
      expect(log.events.filter((event) => event.type === 'witness' && event.outcome === 'inconsistent')).toEqual([]);
      await log.close();
      await witnesses.remove();
      await rm(folder, { recursive: true });
    }, 60_000);
  },
);

it('makes a proof once, however many witnesses ask for it', async () => {
  const asked: number[] = [];
  const consistency = async (oldSize: number): Promise<Uint8Array[]> => {
    asked.push(oldSize);
    return [];
  };
  const { proofFrom } = checkpointFrom(
    'a note',
    9,
    { consistency, root: async () => new Uint8Array(32) },
    { size: 9, partials: [] },
  );
  await Promise.all([3, 3, 5, 3].map((oldSize) => proofFrom(oldSize)));
  expect(asked).toEqual([3, 5]);
});
