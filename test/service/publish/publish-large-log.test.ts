import { expect, it } from 'vitest';
import { publishLog } from '../../../src/service/publish/publish-log.ts';
import { auditCopy, growTo, MemoryTarget, sourceOf, trustOf } from '../../support/publishing.ts';
import { StaticLog } from '../../support/static-log.ts';

it('a published log spans more than one tile of level 1', async () => {
  const log = new StaticLog('log.example/published');
  const target = new MemoryTarget();
  const publish = () => publishLog({ source: sourceOf(log), target, now: () => 2_000_000, trust: trustOf(log) });
  await growTo(log, 66_000);
  expect(await publish()).toMatchObject({ treeSize: 66_000 });
  const names = [...target.files.keys()].filter((path) => path.startsWith('log/tile/1/'));
  expect(names).toEqual(['log/tile/1/000', 'log/tile/1/001.p/1']);
  await growTo(log, 66_001);
  log.requests.length = 0;
  expect(await publish()).toMatchObject({ treeSize: 66_001, entries: 1 });
  // One more entry costs a few files, whatever the size of the log.
  expect(log.requests.length).toBe(5);
  expect(await auditCopy(log, async (path) => target.files.get(path))).toBe(66_001);
}, 120_000);
