import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { FolderTarget } from '../../src/service/publish/folder-target.ts';
import { type Published, publishLog } from '../../src/service/publish/publish-log.ts';
import { auditCopy, folderReader, growTo, sourceOf, trustOf } from '../support/publishing.ts';
import { StaticLog, testLeaf } from '../support/static-log.ts';
import { failure } from '../support/victims.ts';
import { attack } from './attack.ts';

let folder: string;
let log: StaticLog;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-copy-'));
  log = new StaticLog();
  await growTo(log, 300);
  await publish(log);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function publish(of: StaticLog): Promise<Published> {
  const target = await FolderTarget.open(folder);
  return publishLog({ source: sourceOf(of), target, trust: trustOf(of), now: () => 2_000_000 });
}

const audit = () => auditCopy(log, folderReader(folder));

describe('a copy that anybody can read', () => {
  attack('copy-altered', async () => {
    const noticed: unknown[] = [];
    for (const path of ['tile/entries/000', 'tile/0/001.p/44', 'tile/1/000.p/1', 'updates/123']) {
      const place = join(folder, 'log', path);
      const honest = await readFile(place);
      await writeFile(
        place,
        honest.map((byte, i) => (i === honest.length - 1 ? byte ^ 1 : byte)),
      );
      noticed.push(await failure(audit()));
      await writeFile(place, honest);
    }
    expect(await audit()).toBe(300);
    return noticed;
  });

  attack('copy-of-a-fork', async () => {
    // The same name, signed by the same keys.
    const fork = new StaticLog();
    fork.append([testLeaf(9999)], 1_000_000);
    const noticed: unknown[] = [];
    for (const size of [299, 300, 301, 600]) {
      await growTo(fork, size);
      noticed.push(await failure(publish(fork)));
    }
    expect(await audit()).toBe(300);
    return noticed;
  });
});
