import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditEntryCodec } from '../../../src/core/audit/audit-entry.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import { verifyAuditorTreeHead } from '../../../src/core/keytrans/tree-head.ts';
import { parseEvidence } from '../../../src/client/evidence/evidence-text.ts';
import { verifyEvidence } from '../../../src/client/evidence/verify-evidence.ts';
import type { Auditor } from '../../../src/service/auditor/auditor.ts';
import { removeUnfinished } from '../../../src/service/log/durable-file.ts';
import { testSigner } from '../../core/audit/test-signer.ts';
import { AUDITOR, AuditorFolderFixture, auditedLog, grow, NOW_MS } from '../../support/audited-log.ts';
import { type Failure, FailingFiles } from '../../support/failing-files.ts';
import { type StaticLog, testLeaf } from '../../support/static-log.ts';

const folder = new AuditorFolderFixture();
beforeEach(() => folder.make());
afterEach(() => folder.remove());

/** Asserts that the newest head is one of the log's first `size` entries. */
function expectHead(auditor: Auditor, log: StaticLog, size: number): void {
  const { timestampMs, logRoot } = decode(auditEntryCodec, log.entries[size - 1] as Uint8Array);
  const { head } = auditor;
  expect(head).toMatchObject({ treeSize: size, timestampMs });
  verifyAuditorTreeHead(log.config, head!, logRoot);
}

/** A log whose last entry takes a leaf away. */
async function corrupt(log: StaticLog, size: number): Promise<StaticLog> {
  await grow(log, size - 1);
  const update = (one: { readonly removed: readonly unknown[] }) => ({ ...one, removed: [testLeaf(3)] });
  log.append([testLeaf(size * 1000)], NOW_MS - 1_000_000 + size - 1, { update: update as never });
  await log.release();
  return log;
}

describe('an auditor', () => {
  it('signs what it has verified, once', async () => {
    const log = await grow(auditedLog(), 5);
    const auditor = await folder.open(() => log);
    expect(auditor.head).toBeUndefined();
    await auditor.step();
    expectHead(auditor, log, 5);
    const first = auditor.head;
    await auditor.step();
    expect(auditor.head).toBe(first);
    await grow(log, 300);
    await auditor.step();
    expectHead(auditor, log, 300);
    expect(folder.events.filter(({ type }) => type === 'signed')).toHaveLength(2);
    expect(folder.failures).toEqual([]);
  });

  it('goes on after a restart with what it has signed, and reads nothing twice', async () => {
    const log = await grow(auditedLog(), 20);
    await (await folder.open(() => log)).step();
    await grow(log, 30);
    log.requests.length = 0;
    const again = await folder.open(() => log);
    expectHead(again, log, 20);
    await again.step();
    expectHead(again, log, 30);
    const updates = log.requests.filter((path) => path.startsWith('updates/'));
    expect(updates).toEqual(Array.from({ length: 10 }, (_, i) => `updates/${String(20 + i).padStart(3, '0')}`));
  });

  it('starts in the middle with the entries before as they are', async () => {
    const log = auditedLog(290);
    await corrupt(log, 280);
    await grow(log, 290);
    let auditor = await folder.open(() => log);
    await auditor.step();
    expect(auditor.head).toBeUndefined();
    expect(folder.failures).toEqual(['too-far-behind']);
    await grow(log, 295);
    log.requests.length = 0;
    auditor = await folder.open(() => log);
    await auditor.step();
    expectHead(auditor, log, 295);
    expect(log.requests.filter((path) => path.startsWith('updates/'))).toHaveLength(5);
    await corrupt(log, 300);
    await auditor.step();
    expect(auditor.head).toBeUndefined();
    expect(folder.failures).toEqual(['too-far-behind', 'bad-auditor-update']);
  });

  it.each([
    ['log roots', (entry: Uint8Array) => ({ ...decode(auditEntryCodec, entry), logRoot: new Uint8Array(32) })],
    ['times', (entry: Uint8Array) => ({ ...decode(auditEntryCodec, entry), timestampMs: 5 })],
    ['Configurations', (entry: Uint8Array) => ({ ...decode(auditEntryCodec, entry), configHash: new Uint8Array(32) })],
  ])('starts in the middle of no log with false %s', async (_, change) => {
    const log = await grow(auditedLog(10), 4);
    log.append([], NOW_MS - 1000, { entry: (entry) => encode(auditEntryCodec, change(entry)) });
    await grow(log, 12);
    const auditor = await folder.open(() => log);
    for (let i = 0; i < 3; i++) await auditor.step();
    expect(auditor.halt).toBeDefined();
    expect(auditor.head).toBeUndefined();
  });

  it('signs nothing of a log that misbehaves, keeps the evidence, and stays with it', async () => {
    const log = await grow(auditedLog(), 10);
    const auditor = await folder.open(() => log);
    await auditor.step();
    const signed = auditor.head;
    await corrupt(log, 12);
    await auditor.step();
    expect(auditor.head).toBeUndefined();
    const kept = await readFile(join(folder.path, 'halted.json'), 'utf8');
    expect(auditor.halt?.evidence).toBe(kept);
    expect(JSON.parse(kept)).toMatchObject({
      code: 'bad-auditor-update',
      origin: log.origin,
      position: 11,
      checkpoint: log.checkpoint,
    });
    expect(verifyEvidence(parseEvidence(kept), log.bundle)).toMatchObject({ code: 'bad-auditor-update' });
    log.requests.length = 0;
    const again = await folder.open(() => log);
    await again.step();
    expect([again.head, log.requests]).toEqual([undefined, []]);
    await rm(join(folder.path, 'halted.json'));
    const resumed = await folder.open(() => log);
    expect(resumed.head).toEqual(signed);
  });

  it('looks once only at what proves itself, such as two checkpoints of one size', async () => {
    const log = await grow(auditedLog(), 10);
    let shown = log;
    const auditor = await folder.open(() => shown);
    await auditor.step();
    shown = await grow(auditedLog(), 10, 500);
    await auditor.step();
    expect(JSON.parse(auditor.halt?.evidence ?? '{}')).toMatchObject({
      code: 'log-forked',
      checkpoint: shown.checkpoint,
      previousCheckpoint: log.checkpoint,
    });
  });

  it.each([
    ['shorter', 9, 0, 'tree-rolled-back'],
    ['forked', 15, 500, 'log-forked'],
  ])('signs no log that is %s', async (_, size, seed, code) => {
    let shown = await grow(auditedLog(), 10);
    const auditor = await folder.open(() => shown);
    await auditor.step();
    shown = await grow(auditedLog(), size, seed);
    for (let i = 0; i < 3; i++) await auditor.step();
    expect(JSON.parse(auditor.halt?.evidence ?? '{}')).toMatchObject({ code });
  });

  it('forgives a file that was damaged on its way, and a server that does not answer', async () => {
    const log = await grow(auditedLog(), 10);
    const auditor = await folder.open(() => log);
    for (const lie of [() => undefined, () => ({ body: new Uint8Array(5), gzip: false })]) {
      log.lie = (path, file) => (path.startsWith('updates/') ? lie() : file);
      await auditor.step();
      await auditor.step();
      log.lie = (_path, file) => file;
      await auditor.step();
      expectHead(auditor, log, log.entries.length);
      await grow(log, log.entries.length + 2);
    }
    expect(folder.failures).toEqual(['bad-response', 'bad-response', 'bad-auditor-update', 'bad-auditor-update']);
  });

  it('waits for a clock that is behind, however long', async () => {
    const log = await grow(auditedLog(), 3);
    log.append([], NOW_MS + 61_000);
    await log.release();
    const auditor = await folder.open(() => log);
    for (let i = 0; i < 5; i++) await auditor.step();
    expect([auditor.head, auditor.halt]).toEqual([undefined, undefined]);
    expect(new Set(folder.failures)).toEqual(new Set(['tree-head-too-new']));
  });

  it('signs no log that names another auditor', async () => {
    const log = await grow(auditedLog(0, testSigner(5).publicKey), 3);
    const auditor = await folder.open(() => log);
    await auditor.step();
    expect([auditor.head, folder.failures]).toEqual([undefined, ['usage']]);
  });

  it('does not blame the log for a key that signs wrongly', async () => {
    const log = await grow(auditedLog(), 3);
    const auditor = await folder.open(() => log, undefined, {
      ...testSigner(5),
      publicKey: AUDITOR.publicKey,
    });
    for (let i = 0; i < 4; i++) await auditor.step();
    expect([auditor.head, auditor.halt]).toEqual([undefined, undefined]);
    expect(new Set(folder.failures)).toEqual(new Set(['internal']));
  });

  it('does not start with a record that it did not write', async () => {
    const log = await grow(auditedLog(), 5);
    await (await folder.open(() => log)).step();
    const path = join(folder.path, 'record');
    const written = await readFile(path);
    const damages = [
      written.subarray(0, 100),
      Uint8Array.from(written, (byte, i) => (i === 0 ? 2 : byte)),
      Uint8Array.from(written, (byte, i) => (i === written.length - 1 ? byte ^ 1 : byte)),
      new Uint8Array(),
    ];
    for (const damaged of damages) {
      await writeFile(path, damaged);
      await expect(folder.open(() => log)).rejects.toMatchObject({ code: 'storage-corrupt' });
    }
  });
});

describe.each<Failure>(['killed', 'ENOSPC', 'EIO'])('an auditor whose disk fails (%s)', (failure) => {
  it('hands out no two heads that contradict each other, wherever it was', async () => {
    const honest = await Promise.all([4, 8, 12].map((size) => grow(auditedLog(), size)));
    const forks = await Promise.all([8, 12].map(async (size) => grow(await grow(auditedLog(), 6), size, 500)));
    let failed = 0;
    for (let at = 1; ; at++) {
      await folder.make();
      const disk = new FailingFiles(failure, at);
      const handedOut = new Map<string, boolean>();
      const look = async (files: FailingFiles['files'] | undefined, logs: readonly StaticLog[]): Promise<void> => {
        let shown = logs[0] as StaticLog;
        const auditor = await folder.open(() => shown, files).catch(() => undefined);
        for (const log of logs) {
          shown = log;
          await auditor?.step();
          const head = auditor?.head;
          if (head === undefined) continue;
          const isFork = forks.some((one) => one.entries.length >= head.treeSize && signs(one, head));
          const isHonest = honest.some((one) => one.entries.length >= head.treeSize && signs(one, head));
          expect([at, head.treeSize, isFork || isHonest]).toEqual([at, head.treeSize, true]);
          if (isFork !== isHonest) handedOut.set(`${head.treeSize} ${formatHex(head.signature)}`, isFork);
        }
      };
      await look(disk.files, honest.slice(0, 2));
      if (!disk.fails) break;
      failed++;
      await removeUnfinished(folder.path);
      await look(undefined, forks);
      await rm(join(folder.path, 'halted.json'), { force: true });
      await look(undefined, honest);
      expect([at, new Set(handedOut.values()).size]).toEqual([at, 1]);
      const left = (await readdir(folder.path)).filter((name) => name !== 'halted.json');
      expect(left).toEqual(['record']);
    }
    expect(failed).toBeGreaterThan(5);
  });
});

function signs(log: StaticLog, head: NonNullable<Auditor['head']>): boolean {
  const { logRoot } = decode(auditEntryCodec, log.entries[head.treeSize - 1] as Uint8Array);
  try {
    verifyAuditorTreeHead(log.config, head, logRoot);
    return true;
  } catch {
    return false;
  }
}
