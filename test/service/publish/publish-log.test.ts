import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../src/core/audit/policy.ts';
import { formatVkey } from '../../../src/core/audit/vkey.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { FolderTarget } from '../../../src/service/publish/folder-target.ts';
import { publishLog } from '../../../src/service/publish/publish-log.ts';
import type { PublishTarget } from '../../../src/service/publish/publish-target.ts';
import { testCosigner } from '../../core/audit/test-cosigner.ts';
import { type Failure, FailingFiles } from '../../support/failing-files.ts';
import {
  assertWhole,
  auditCopy,
  cosign,
  folderReader,
  growTo,
  recorded,
  sourceOf,
  trustOf,
} from '../../support/publishing.ts';
import { StaticLog, testLeaf } from '../../support/static-log.ts';

let folder: string;
let log: StaticLog;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-publish-'));
  log = new StaticLog('log.example/published');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const NOW = () => 2_000_000;
const code = (expected: string) => expect.objectContaining({ code: expected });
const publish = async (target?: PublishTarget, of = log) =>
  publishLog({
    source: sourceOf(of),
    target: target ?? (await FolderTarget.open(folder)),
    now: NOW,
    trust: trustOf(of),
  });
const contents = async (): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

describe('a published log', () => {
  it('passes an audit at every size, and keeps what earlier readers need', async () => {
    const sizes = [1, 2, 255, 256, 257];
    let before = 0;
    for (const size of sizes) {
      await growTo(log, size);
      expect(await publish()).toMatchObject({ treeSize: size, entries: size - before });
      expect(await auditCopy(log, folderReader(folder))).toBe(size);
      before = size;
    }
    // A reader who holds the checkpoint of 255 entries still finds its partial tile.
    expect((await contents()).includes('log/tile/0/000.p/255')).toBe(true);
    expect(await readdir(join(folder, '.unfinished'))).toEqual([]);
  });

  it('is left alone where nothing is new', async () => {
    await growTo(log, 300);
    await publish();
    const writes: string[] = [];
    expect(await publish(recorded(await FolderTarget.open(folder), writes))).toMatchObject({ entries: 0, files: 0 });
    expect(writes).toEqual([]);
  });

  it('is written with the checkpoint last, after a flush', async () => {
    await growTo(log, 300);
    const writes: string[] = [];
    const target = recorded(await FolderTarget.open(folder), writes);
    await publish({ ...target, flush: async () => void writes.push('flush') });
    expect(writes.at(-1)).toBe('flush');
    expect(writes.slice(-3)).toEqual(['flush', 'log/checkpoint', 'flush']);
    expect(writes.filter((path) => path === 'log/checkpoint')).toHaveLength(1);
    const lastUpdate = writes.findLastIndex((path) => path.startsWith('log/updates/'));
    expect(writes.slice(lastUpdate + 1)).toEqual(
      expect.arrayContaining([
        'log/tile/entries/001.p/44',
        'log/tile/0/001.p/44',
        'log/tile/1/000.p/1',
        'log/head/300',
      ]),
    );
  });
});

describe('a published log is not touched', () => {
  it('where the log is shorter, or another one', async () => {
    await growTo(log, 20);
    await publish();
    const before = await readFile(join(folder, 'log/checkpoint'));
    const shorter = new StaticLog('log.example/published');
    await growTo(shorter, 10);
    await expect(publish(undefined, shorter)).rejects.toEqual(code('tree-rolled-back'));
    const forked = new StaticLog('log.example/published');
    forked.append([testLeaf(99)], 1_000_000);
    await growTo(forked, 20);
    await expect(publish(undefined, forked)).rejects.toEqual(code('log-forked'));
    await growTo(forked, 30);
    await expect(publish(undefined, forked)).rejects.toEqual(code('bad-log-proof'));
    const other = new StaticLog('log.example/other');
    await growTo(other, 30);
    await expect(publish(undefined, other)).rejects.toEqual(code('published-differs'));
    expect(await readFile(join(folder, 'log/checkpoint'))).toEqual(before);
    expect(await auditCopy(log, folderReader(folder))).toBe(20);
  });

  it.each([
    ['a hash tile', 'tile/0/000.p/20', 'bad-log-proof'],
    ['an entry', 'tile/entries/000.p/20', 'bad-audit-entry'],
    ['an update', 'updates/015', 'bad-auditor-update'],
    ['the tree head', 'head/20', 'bad-response'],
    ['the checkpoint', 'checkpoint', 'bad-checkpoint'],
  ])('by a log that serves a damaged copy of %s', async (_, path, expected) => {
    await growTo(log, 10);
    await publish();
    await growTo(log, 20);
    log.lie = (asked, file) => {
      if (asked !== path || file === undefined) return file;
      return {
        gzip: false,
        body: asked.startsWith('updates')
          ? sha256(file.body)
          : file.body.map((byte, i) => (i === 19 ? byte ^ 1 : byte)),
      };
    };
    await expect(publish()).rejects.toEqual(code(expected));
    expect(await auditCopy(log, folderReader(folder))).toBe(10);
    log.lie = (_path, file) => file;
    await publish();
    expect(await auditCopy(log, folderReader(folder))).toBe(20);
  });

  it('by a tree head that signs another log root', async () => {
    await growTo(log, 10);
    log.head = log.head.map((byte) => byte ^ 1);
    await expect(publish()).rejects.toEqual(code('bad-tree-head'));
    expect(await contents()).not.toContain('log/checkpoint');
  });

  it('by a checkpoint without the cosignatures that its bundle demands', async () => {
    const witness = testCosigner('witness.example', 5);
    const policy = parsePolicy(`witness w ${formatVkey(witness.vkey)}\nquorum w\n`);
    const trust = { ...trustOf(log), policy };
    await growTo(log, 10);
    const run = async () =>
      publishLog({ source: sourceOf(log), target: await FolderTarget.open(folder), trust, now: NOW });
    await expect(run()).rejects.toEqual(code('not-witnessed'));
    const alone = log.checkpoint;
    log.checkpoint = await cosign(alone, witness, NOW() + 600_000);
    await expect(run()).rejects.toEqual(code('not-witnessed'));
    expect(await contents()).toEqual([]);
    log.checkpoint = await cosign(alone, witness, NOW() - 600_000);
    expect(await run()).toMatchObject({ treeSize: 10 });
  });

  it('where other bytes are in the place of a file', async () => {
    await growTo(log, 10);
    await publish();
    await growTo(log, 20);
    await writeFile(join(folder, 'log/updates/015'), 'something else');
    await expect(publish()).rejects.toEqual(code('published-differs'));
    expect(await readFile(join(folder, 'log/updates/015'), 'utf8')).toBe('something else');
    expect(await auditCopy(log, folderReader(folder))).toBe(10);
  });

  it('where its tiles were changed behind its back', async () => {
    await growTo(log, 10);
    await publish();
    await growTo(log, 20);
    await writeFile(join(folder, 'log/tile/0/000.p/10'), new Uint8Array(320));
    await expect(publish()).rejects.toEqual(code('published-differs'));
  });

  it('where somebody else has published meanwhile', async () => {
    await growTo(log, 10);
    const target = await FolderTarget.open(folder);
    const overtaken: PublishTarget = Object.assign(Object.create(target) as PublishTarget, {
      read: (path: string) => target.read(path),
      peek: (path: string) => target.peek(path),
      create: (path: string, bytes: Uint8Array) => target.create(path, bytes),
      flush: () => target.flush(),
      replace: async (path: string, bytes: Uint8Array, expected: undefined) => {
        await publish();
        return target.replace(path, bytes, expected);
      },
    });
    await expect(publish(overtaken)).rejects.toEqual(code('head-moved'));
    expect(await auditCopy(log, folderReader(folder))).toBe(10);
  });
});

describe('a disk that', () => {
  /** Publishes 5 entries, then 8 with the failure at one call; then again without. Tells whether the failure came. */
  async function failAt(failure: Failure, at: number): Promise<boolean> {
    const place = join(folder, `${failure}-${at}`);
    const small = new StaticLog('log.example/published');
    await growTo(small, 5);
    await publishLog({
      source: sourceOf(small),
      target: await FolderTarget.open(place),
      now: NOW,
      trust: trustOf(small),
    });
    await growTo(small, 8);
    const failing = new FailingFiles(failure, at);
    const run = async (): Promise<unknown> => {
      const target = await FolderTarget.open(place, { files: failing.files });
      return publishLog({ source: sourceOf(small), target, now: NOW, trust: trustOf(small), concurrency: 2 });
    };
    const outcome = await run().then(
      () => 'done',
      (error: unknown) => error,
    );
    // A failing removal of a temporary file is no reason to fail.
    if (outcome !== 'done') expect(outcome).toEqual(code('storage-failed'));
    const reader = folderReader(place);
    expect([5, 8]).toContain(await assertWhole(small, reader));
    await publishLog({
      source: sourceOf(small),
      target: await FolderTarget.open(place),
      now: NOW,
      trust: trustOf(small),
    });
    expect(await auditCopy(small, reader)).toBe(8);
    expect(await readdir(join(place, '.unfinished'))).toEqual([]);
    return failing.fails;
  }

  it.each([
    ['is full', 'ENOSPC'],
    ['breaks', 'EIO'],
    ['stops with its process', 'killed'],
  ] as const)(
    '%s, at whatever call, leaves a whole copy, and a second run finishes it',
    async (_, failure) => {
      let at = 1;
      while (await failAt(failure, at)) at++;
      expect(at).toBeGreaterThan(50);
    },
    120_000,
  );
});
