import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatObjectName } from '../../../src/akd/object-name.ts';
import { folderSource } from '../../../src/cli/akd/folder-source.ts';
import { fixtureFolder, readObjects } from '../../support/akd-proofs.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('a folder of objects', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glasskey-akd-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('has the names and bytes of its files', async () => {
    const source = folderSource(fixtureFolder('whatsapp'), 10_000);
    for (const object of readObjects(fixtureFolder('whatsapp'))) {
      const name = formatObjectName(object);
      expect(await source.namesOf(object.epoch)).toEqual([name]);
      expect(await source.read(name)).toEqual(object.bytes);
    }
    expect(await source.firstEpoch()).toBe(1);
    expect(await source.namesOf(6)).toEqual([]);
  });

  it('may hold other things, which are not read as epochs', async () => {
    for (const name of ['20/a', '3/a', '3/b', 'x/a', '007/a']) await mkdir(join(folder, name), { recursive: true });
    for (const name of ['README', '5', '3/a/x', '3/b/y', '3/z']) await writeFile(join(folder, name), 'text');
    const source = folderSource(folder, 10);
    expect(await source.firstEpoch()).toBe(3);
    expect((await source.namesOf(3)).toSorted()).toEqual(['3/a/x', '3/b/y']);
    expect(await source.namesOf(5)).toEqual([]);
    expect(await folderSource(join(folder, 'none'), 10).firstEpoch()).toBeUndefined();
  });

  it.skipIf(process.platform === 'win32')('does not wait at a pipe', async () => {
    await mkdir(join(folder, '1/a'), { recursive: true });
    execFileSync('mkfifo', [join(folder, '1/a/b')]);
    await expect(folderSource(folder, 10).read('1/a/b')).rejects.toEqual(code('storage-failed'));
  });

  it('is read within bounds', async () => {
    await mkdir(join(folder, '1/a'), { recursive: true });
    for (let i = 0; i < 20; i++) await writeFile(join(folder, `1/a/${i}`), new Uint8Array(11));
    const source = folderSource(folder, 10);
    expect(await source.namesOf(1)).toHaveLength(10);
    await expect(source.read('1/a/0')).rejects.toEqual(code('usage'));
    await expect(source.read('1/a')).rejects.toThrow();
  });
});
