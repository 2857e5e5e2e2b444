import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as source from '../../../src/cli/audit/audit-threads.ts';
import type { UpdatesJob } from '../../../src/client/audit/verify-updates.ts';
import { auditLog, type AuditReport } from '../../../src/client/audit/audit-log.ts';
import { concatBytes } from '../../../src/core/encoding/bytes.ts';
import { EMPTY_AUDITOR_STATE } from '../../../src/core/keytrans/auditor-update.ts';
import { FolderTarget } from '../../../src/service/publish/folder-target.ts';
import { publishLog } from '../../../src/service/publish/publish-log.ts';
import { growTo, sourceOf, trustOf } from '../../support/publishing.ts';
import { StaticLog } from '../../support/static-log.ts';

const BUILT = resolve(import.meta.dirname, '../../../dist/cli/audit/audit-threads.js');
const SIZE = 300;

let folder: string;
let log: StaticLog;
let built: typeof source;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-threads-'));
  log = new StaticLog();
  await growTo(log, SIZE);
  const target = await FolderTarget.open(folder);
  await publishLog({ source: sourceOf(log), target, trust: trustOf(log), now: () => 2_000_000 });
  built = (await import(pathToFileURL(BUILT).href)) as typeof source;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const place = () => ({ type: 'folder' as const, folder: join(folder, 'log') });
const job = (): UpdatesJob => ({
  start: 0,
  entries: concatBytes(...log.entries),
  before: EMPTY_AUDITOR_STATE,
  size: SIZE,
});
/** Without threads, as sources run, and with them, as the program runs. */
const both = () => [source.auditThreads(place(), 2), built.auditThreads(place(), 2)];

describe('threads of an audit', () => {
  it('find what an audit without them finds', async () => {
    const options = { baseUrl: 'http://log.test', bundle: log.bundle, fetch: log.fetch, now: () => 2_000_000 };
    const plain = await auditLog(options);
    for (const { verifyUpdates, jobs, close } of both()) {
      const report: AuditReport = await auditLog({ ...options, verifyUpdates, jobs });
      expect(report.state).toEqual(plain.state);
      await close();
    }
  });

  it('tell which update does not verify, and why', async () => {
    const path = join(folder, 'log/updates/123');
    await writeFile(
      path,
      log.updates[123]!.map((byte, i) => (i === 20 ? byte ^ 1 : byte)),
    );
    for (const { verifyUpdates, close } of both()) {
      const outcome = await verifyUpdates(job());
      expect(outcome).toMatchObject({ failure: { position: 123, code: 'bad-auditor-update' } });
      await close();
    }
    await rm(path);
    for (const { verifyUpdates, close } of both()) {
      await expect(verifyUpdates(job())).rejects.toMatchObject({ code: 'bad-response' });
      await close();
    }
    await writeFile(path, log.updates[123]!);
  });

  it('do nothing more once they are closed', async () => {
    for (const { verifyUpdates, close } of both()) {
      const results = Promise.allSettled([verifyUpdates(job()), verifyUpdates(job()), verifyUpdates(job())]);
      await close();
      const late = await verifyUpdates(job()).then(
        () => 'done',
        (error: { code?: string }) => error.code,
      );
      expect(late).toBe('shutting-down');
      expect(await results).toHaveLength(3);
    }
  });
});
