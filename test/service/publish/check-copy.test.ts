import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { concatBytes } from '../../../src/core/encoding/bytes.ts';
import { checkCopy, type CheckedCopy } from '../../../src/service/publish/check-copy.ts';
import { FolderTarget } from '../../../src/service/publish/folder-target.ts';
import { publishLog, type PublishTrust } from '../../../src/service/publish/publish-log.ts';
import type { PublishTarget } from '../../../src/service/publish/publish-target.ts';
import { S3Target } from '../../../src/service/publish/s3-target.ts';
import { FailingFiles } from '../../support/failing-files.ts';
import { FakeS3 } from '../../support/fake-s3.ts';
import {
  auditCopy,
  folderReader,
  growTo,
  MemoryTarget,
  recorded,
  sourceOf,
  trustOf,
} from '../../support/publishing.ts';
import { StaticLog, testLeaf } from '../../support/static-log.ts';

const now = (): number => 2_000_000;
const code = (expected: string): object => expect.objectContaining({ code: expected });

let log: StaticLog;
beforeEach(() => {
  log = new StaticLog('log.example/checked');
});

async function publish(target: PublishTarget, size: number): Promise<void> {
  await growTo(log, size);
  await publishLog({ source: sourceOf(log), target, trust: trustOf(log), now });
}

async function published(size: number): Promise<MemoryTarget> {
  const copy = new MemoryTarget();
  await publish(copy, size);
  return copy;
}

function check(target: PublishTarget, repair = false, trust: PublishTrust = trustOf(log)): Promise<CheckedCopy> {
  return checkCopy({ source: sourceOf(log), target, trust, now, repair, repairCheckpoint: true });
}

function bytesOf(copy: MemoryTarget, path: string): Uint8Array {
  const bytes = copy.files.get(path);
  expect(bytes, path).toBeDefined();
  return bytes ?? new Uint8Array();
}

function flipped(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  changed[3] = (changed[3] ?? 0) ^ 1;
  return changed;
}

/** One file of each kind that a copy of 300 entries has, with another of the same kind to swap it with. */
const FILES = [
  ['log/tile/0/000', 'log/tile/0/001.p/44'],
  ['log/tile/0/001.p/44', 'log/tile/0/000'],
  ['log/tile/1/000.p/1', 'log/tile/0/000'],
  ['log/tile/entries/000', 'log/tile/entries/001.p/44'],
  ['log/tile/entries/001.p/44', 'log/tile/entries/000'],
  ['log/tile/updates/000', 'log/tile/entries/000'],
  ['log/updates/003', 'log/updates/006'],
  ['log/updates/299', 'log/updates/003'],
  ['log/head/300', 'log/checkpoint'],
  ['log/checkpoint', 'log/head/300'],
] as const;

type Damage = readonly [string, (right: Uint8Array, other: Uint8Array) => Uint8Array | undefined, string];

const DAMAGE: readonly Damage[] = [
  ['missing', () => undefined, 'missing'],
  ['truncated', (right) => right.slice(0, -1), 'truncated'],
  ['emptied', () => new Uint8Array(), 'truncated'],
  ['longer', (right) => concatBytes(right, Uint8Array.of(0)), 'longer'],
  ['wrong', flipped, 'wrong'],
  ['swapped', (_, other) => other, 'wrong'],
];

describe('a copy of a log', () => {
  it('without a fault has none and nothing is written', async () => {
    const copy = await published(300);
    const writes: string[] = [];
    const outcome = await check(recorded(copy, writes), true);
    expect(outcome).toMatchObject({ treeSize: 300, faults: [] });
    expect(outcome.files).toBeGreaterThan(300);
    expect(writes).toEqual([]);
  });

  it.each(DAMAGE)('with files of every kind %s is told of each, and repaired', async (_, damage, fault) => {
    const copy = await published(300);
    const right = new Map(copy.files);
    // Without its checkpoint a copy is checked under the log's: that is the second turn.
    for (const paths of [FILES.slice(0, -1), FILES]) {
      const found = paths.map(([path, other]) => ({ path, bytes: damage(bytesOf(copy, path), bytesOf(copy, other)) }));
      for (const { path, bytes } of found) {
        if (bytes === undefined) copy.files.delete(path);
        else copy.files.set(path, bytes);
      }
      const damaged = new Map(copy.files);
      const { faults } = await check(copy);
      expect(new Set(faults)).toEqual(new Set(paths.map(([path]) => ({ path, fault }))));
      expect(copy.files).toEqual(damaged);
      expect((await check(copy, true)).faults).toHaveLength(paths.length);
      expect(copy.files).toEqual(right);
    }
    expect((await check(copy)).faults).toEqual([]);
    expect(await auditCopy(log, async (file) => copy.files.get(file))).toBe(300);
  });

  it('that is merely older is whole, also when the log has another Configuration since', async () => {
    const copy = await published(20);
    const before = trustOf(log);
    log.changeConfiguration({ reasonableMonitoringWindowMs: 1000 });
    await growTo(log, 30);
    expect(await check(copy)).toMatchObject({ treeSize: 20, faults: [] });
    // The earlier bundle, in the copy or given, lets everything be repaired.
    const trust = { ...trustOf(log), configs: [log.config, ...before.configs] };
    const head = bytesOf(copy, 'log/head/20');
    copy.files.set('log/head/20', flipped(head));
    await expect(check(copy, true)).rejects.toEqual(code('published-differs'));
    expect((await check(copy, true, trust)).faults).toEqual([{ path: 'log/head/20', fault: 'wrong' }]);
    expect(bytesOf(copy, 'log/head/20')).toEqual(head);
    await publish(copy, 40);
    expect(await check(copy)).toMatchObject({ treeSize: 40, faults: [] });
  });

  it('is told of a log that went back, or has another history', async () => {
    const copy = await published(20);
    const files = new Map(copy.files);
    for (const [size, expected] of [
      [19, 'tree-rolled-back'],
      [20, 'log-forked'],
      [30, 'bad-log-proof'],
    ] as const) {
      log = new StaticLog('log.example/checked');
      log.append([testLeaf(999)], 1_000_000);
      await growTo(log, size);
      await expect(check(copy, true)).rejects.toEqual(code(expected));
      expect(copy.files).toEqual(files);
    }
  });

  it('is not repaired with files that the checkpoint does not sign', async () => {
    const copy = await published(20);
    copy.files.delete('log/updates/003');
    log.lie = (path, file) => (path === 'updates/003' ? { body: Uint8Array.of(1, 2, 3), gzip: false } : file);
    await expect(check(copy, true)).rejects.toEqual(code('bad-auditor-update'));
    expect(copy.files.has('log/updates/003')).toBe(false);
  });

  it('with the end of its log damaged is told of it, and repaired', async () => {
    const copy = new MemoryTarget();
    await growTo(log, 20);
    await log.end(1_000_020);
    await publish(copy, 21);
    const right = bytesOf(copy, 'log/end');
    copy.files.set('log/end', right.slice(0, -1));
    expect((await check(copy, true)).faults).toEqual([{ path: 'log/end', fault: 'truncated' }]);
    expect(bytesOf(copy, 'log/end')).toEqual(right);
  });
});

describe('a copy in a folder', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glasskey-check-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const place = (path: string): string => join(folder, path);

  it('has links, pipes, and files without end replaced, and is not written to by a check', async () => {
    await publish(await FolderTarget.open(folder), 20);
    const right = await readFile(place('log/updates/003'));
    await rename(place('log/updates/000'), place('elsewhere'));
    await symlink('../../elsewhere', place('log/updates/000'));
    for (const name of ['003', '004', '005', '006']) await rm(place(`log/updates/${name}`));
    await symlink('nowhere', place('log/updates/003'));
    execFileSync('mkfifo', [place('log/updates/004')]);
    await truncate(place('log/tile/0/000.p/20'), 5 * 1024 ** 3);
    await symlink('005', place('log/updates/005'));
    await writeFile(place('log/updates/006'), '');
    await rm(place('.unfinished'), { recursive: true });
    const faults = [
      { path: 'log/updates/003', fault: 'missing' },
      { path: 'log/updates/004', fault: 'unreadable' },
      { path: 'log/updates/005', fault: 'unreadable' },
      { path: 'log/updates/006', fault: 'truncated' },
      { path: 'log/tile/0/000.p/20', fault: 'unreadable' },
    ];
    const found = await check(FolderTarget.forReading(folder));
    expect(found.faults.toSorted((a, b) => a.path.localeCompare(b.path))).toEqual(
      faults.toSorted((a, b) => a.path.localeCompare(b.path)),
    );
    await expect(readFile(place('.unfinished'))).rejects.toThrow('ENOENT');
    expect((await check(await FolderTarget.open(folder), true)).faults).toHaveLength(5);
    expect(await readFile(place('log/updates/003'))).toEqual(right);
    expect(await auditCopy(log, folderReader(folder))).toBe(20);
  });

  it('is not repaired over a folder, which a person has to look at', async () => {
    await publish(await FolderTarget.open(folder), 20);
    await rm(place('log/updates/003'));
    await mkdir(place('log/updates/003'));
    await writeFile(place('log/updates/003/note'), 'mine');
    await expect(check(await FolderTarget.open(folder), true)).rejects.toEqual(code('storage-failed'));
    expect(await readFile(place('log/updates/003/note'), 'utf8')).toBe('mine');
  });

  /** Repairs, killed at one call; then again without. Tells whether the kill came. */
  async function killAt(at: number): Promise<boolean> {
    await writeFile(place('log/updates/001'), 'short');
    await rm(place('log/tile/entries/000.p/3'), { force: true });
    await writeFile(place('log/checkpoint'), 'no checkpoint');
    const failing = new FailingFiles('killed', at);
    const repairs = FolderTarget.open(folder, { files: failing.files }).then((target) => check(target, true));
    const outcome = await repairs.then(
      () => 'done',
      (error: unknown) => error,
    );
    if (outcome !== 'done') expect(outcome).toEqual(code('storage-failed'));
    await check(await FolderTarget.open(folder), true);
    expect(await check(await FolderTarget.open(folder))).toMatchObject({ treeSize: 3, faults: [] });
    expect(await auditCopy(log, folderReader(folder))).toBe(3);
    return failing.fails;
  }

  it('whose repair is killed, at whatever call, is completed by the next one', async () => {
    await publish(await FolderTarget.open(folder), 3);
    let at = 1;
    while (await killAt(at)) at++;
    expect(at).toBeGreaterThan(20);
  });

  it('whose publisher was killed, at whatever call, checks as whole or is mended, and is published on', async () => {
    await publish(await FolderTarget.open(folder), 2);
    await growTo(log, 3);
    for (let at = 1, fails = true; fails; at++) {
      const failing = new FailingFiles('killed', at);
      const options = { source: sourceOf(log), trust: trustOf(log), now };
      await FolderTarget.open(folder, { files: failing.files })
        .then((target) => publishLog({ ...options, target }))
        .catch(() => undefined);
      ({ fails } = failing);
      const { treeSize, faults } = await check(FolderTarget.forReading(folder));
      expect([2, 3]).toContain(treeSize);
      expect(faults).toEqual([]);
    }
    await publish(await FolderTarget.open(folder), 4);
    expect(await check(FolderTarget.forReading(folder))).toMatchObject({ treeSize: 4, faults: [] });
  });
});

describe('a copy in a bucket', () => {
  const options = (s3: FakeS3) => ({
    endpoint: 'http://s3.test',
    bucket: 'bucket',
    prefix: 'copy/',
    region: 'us-east-1',
    accessKeyId: 'AKTEST',
    secretAccessKey: 'secret-of-the-bucket',
    fetch: s3.fetch,
    retryMs: 0,
  });

  it('with files of every kind damaged is told of each, and repaired', async () => {
    const s3 = new FakeS3();
    await publish(await S3Target.open(options(s3)), 300);
    const right = new Map(s3.objects);
    for (const [fault, damage] of [
      ['missing', () => undefined],
      ['wrong', flipped],
      ['unreadable', () => new Uint8Array(5 * 1024 ** 2)],
    ] as const) {
      for (const [path] of FILES) {
        const key = `bucket/copy/${path}`;
        const bytes = damage(right.get(key) as Uint8Array);
        if (bytes === undefined) s3.objects.delete(key);
        else s3.objects.set(key, bytes);
      }
      s3.requests.length = 0;
      const { faults } = await check(S3Target.forReading(options(s3)));
      expect(new Set(faults)).toEqual(new Set(FILES.map(([path]) => ({ path, fault }))));
      expect(s3.requests.filter((request) => !request.startsWith('GET'))).toEqual([]);
      await check(await S3Target.open(options(s3)), true);
      expect(s3.objects).toEqual(right);
    }
  });

  it('has a repaired file cached as the others', async () => {
    const s3 = new FakeS3();
    await publish(await S3Target.open(options(s3)), 20);
    s3.objects.set('bucket/copy/log/updates/003', Uint8Array.of(1));
    const target = await S3Target.open(options(s3));
    s3.objects.set('bucket/copy/log/checkpoint', new Uint8Array(5 * 1024 ** 2));
    s3.headers.length = 0;
    await check(target, true);
    const caching = s3.headers.map((headers) => headers.get('cache-control')).filter((value) => value !== null);
    expect(caching).toEqual(['public, max-age=31536000, immutable', 'public, max-age=1']);
  });
});
