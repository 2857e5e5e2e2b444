import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditLog, type AuditReport } from '../../../src/client/audit/audit-log.ts';
import type { AuditState } from '../../../src/client/audit/audit-state.ts';
import { openMirror } from '../../../src/cli/audit/audit-mirror.ts';
import type { SignedTrustBundle } from '../../../src/contract/trust-bundle.ts';
import { FolderTarget } from '../../../src/service/publish/folder-target.ts';
import type { PublishTarget } from '../../../src/service/publish/publish-target.ts';
import { type Failure, FailingFiles } from '../../support/failing-files.ts';
import { assertWhole, auditCopy, folderReader, growTo, MemoryTarget, recorded } from '../../support/publishing.ts';
import { signedBundle } from '../../support/signed-bundle.ts';
import { StaticLog, testLeaf } from '../../support/static-log.ts';

const NOW = 2_000_000;
const code = (expected: string): object => expect.objectContaining({ code: expected });

let folder: string;
let log: StaticLog;
let served: SignedTrustBundle;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-mirror-'));
  log = new StaticLog('log.example/mirrored');
  served = await signedBundle(log.bundle);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Audits `of` as `glasskey audit --mirror` does. */
async function mirror(target?: PublishTarget, of = log, state?: AuditState): Promise<AuditReport> {
  const kept = await openMirror({
    target: target ?? (await FolderTarget.open(folder)),
    served,
    bundle: served.bundle,
    now: () => NOW,
    onProgress: () => undefined,
  });
  const options = { baseUrl: 'http://log.test', bundle: served.bundle, fetch: of.fetch, now: () => NOW };
  return auditLog({ ...options, state, ...kept });
}

const readCopy = (): ReturnType<typeof folderReader> => folderReader(folder);

describe('a mirror', () => {
  it('has at every size what an audit of the log itself finds, and its bundle', async () => {
    let state: AuditState | undefined;
    for (const size of [1, 255, 256, 300]) {
      await growTo(log, size);
      const report = await mirror(undefined, log, state);
      expect(report.treeSize).toBe(size);
      state = report.state;
      expect(await auditCopy(log, readCopy())).toBe(size);
    }
    const bundle = JSON.parse(await readFile(join(folder, '.well-known/glasskey'), 'utf8')) as object;
    expect(bundle).toMatchObject({ origin: 'log.example/mirrored' });
  });

  it('is written with the checkpoint after all else and after its own audit', async () => {
    await growTo(log, 300);
    const memory = new MemoryTarget();
    const steps: string[] = [];
    const target = recorded(memory, steps);
    const seen = { ...target, read: (path: string) => (steps.push(`read ${path}`), target.read(path)) };
    await mirror(seen);
    const isUpdate = (step: string): boolean => /^read log\/(?:tile\/)?updates\//.test(step);
    const lastRead = steps.findLastIndex(isUpdate);
    // One bundle of 256 updates, and the others one by one.
    expect(new Set(steps.filter(isUpdate))).toHaveLength(1 + 44);
    expect(steps.indexOf('log/checkpoint')).toBeGreaterThan(lastRead);
    expect(steps.at(-1)).toBe('log/checkpoint');
  });

  it('fetches nothing again that an interrupted run has copied', async () => {
    await growTo(log, 40);
    log.lie = (path, file) => (path === 'updates/035' ? undefined : file);
    await expect(mirror()).rejects.toEqual(code('bad-response'));
    log.lie = (_path, file) => file;
    log.requests.length = 0;
    await mirror();
    expect(log.requests.filter((path) => path.startsWith('updates/')).length).toBeLessThan(25);
  });

  it('does not show what an audit refuses', async () => {
    await growTo(log, 20);
    await mirror();
    log.append([testLeaf(777)], 1_000_020, { update: (update) => ({ ...update, removed: [testLeaf(3)] }) });
    await growTo(log, 30);
    await expect(mirror()).rejects.toEqual(code('bad-auditor-update'));
    expect(await auditCopy(log, readCopy())).toBe(20);
  });

  it('knows a fork by what it has shown, without any other state', async () => {
    await growTo(log, 20);
    await mirror();
    for (const [size, expected] of [
      [19, 'tree-rolled-back'],
      [20, 'log-forked'],
      [30, 'log-forked'],
    ] as const) {
      const fork = new StaticLog('log.example/mirrored');
      fork.append([testLeaf(999)], 1_000_000);
      await growTo(fork, size);
      await expect(mirror(undefined, fork)).rejects.toEqual(code(expected));
    }
    expect(await auditCopy(log, readCopy())).toBe(20);
  });

  it('leaves alone what is not its own', async () => {
    await growTo(log, 20);
    await mirror();
    const place = join(folder, 'log/checkpoint');
    await writeFile(place, 'something else');
    await expect(mirror()).rejects.toEqual(code('published-differs'));
    expect(await readFile(place, 'utf8')).toBe('something else');
  });
});

describe('a disk that', () => {
  /** Mirrors 2 entries, then 3 with the failure at one call; then again without. Tells whether the failure came. */
  async function failAt(failure: Failure, at: number): Promise<boolean> {
    const place = join(folder, `${failure}-${at}`);
    const small = new StaticLog('log.example/mirrored');
    await growTo(small, 2);
    const { state } = await mirror(await FolderTarget.open(place), small);
    await growTo(small, 3);
    const failing = new FailingFiles(failure, at);
    const outcome = await FolderTarget.open(place, { files: failing.files })
      .then((target) => mirror(target, small, state))
      .then(
        () => 'done',
        (error: unknown) => error,
      );
    // A failing removal of a temporary file is no reason to fail.
    if (outcome !== 'done') expect(outcome).toEqual(code('storage-failed'));
    const reader = folderReader(place);
    expect([2, 3]).toContain(await assertWhole(small, reader));
    await mirror(await FolderTarget.open(place), small, state);
    expect(await auditCopy(small, reader)).toBe(3);
    expect(await readdir(join(place, '.unfinished'))).toEqual([]);
    return failing.fails;
  }

  it.each([
    ['is full', 'ENOSPC'],
    ['breaks', 'EIO'],
    ['stops with its process', 'killed'],
  ] as const)(
    '%s, at whatever call, leaves a whole mirror, and a second run finishes it',
    async (_, failure) => {
      let at = 1;
      while (await failAt(failure, at)) at++;
      expect(at).toBeGreaterThan(30);
    },
    120_000,
  );
});
