import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RecordFile } from '../../src/watch/record-file.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-records-'));
  path = join(folder, 'records');
});
afterEach(() => rm(folder, { recursive: true }));

const open = (): Promise<RecordFile<unknown>> => RecordFile.open(path);
const contents = async (): Promise<Record<string, unknown>> => Object.fromEntries((await open()).all());

describe('the records of a watcher', () => {
  it('are there again after a commit, and private', async () => {
    const file = await open();
    await Promise.all([file.commit([['a', { n: 1 }]]), file.commit([['b', 2]]), file.commit([['a', undefined]])]);
    await file.commit([
      ['c', 'x\ny'],
      ['d', [3]],
    ]);
    expect(await contents()).toEqual({ b: 2, c: 'x\ny', d: [3] });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('lose at most the step that a killed process had not finished, and that one whole', async () => {
    const file = await open();
    await file.commit([['kept', 1]]);
    const before = (await stat(path)).size;
    await file.commit([
      ['first', 1],
      ['second', 2],
    ]);
    const whole = await readFile(path);
    for (let length = before; length < whole.length - 1; length++) {
      await writeFile(path, whole.subarray(0, length));
      expect(await contents()).toEqual({ kept: 1 });
    }
    await writeFile(path, whole.subarray(0, whole.length - 1));
    expect(await contents()).toEqual({ kept: 1, first: 1, second: 2 });
  });

  it('are rewritten in parts, and are all there again', async () => {
    const file = await open();
    const records = Array.from({ length: 2_500 }, (_, i) => [`key${i}`, { n: i }] as const);
    await file.commit(records);
    expect(await contents()).toEqual(Object.fromEntries(records));
    const reopened = await open();
    expect(reopened.recordBytes).toBe((await stat(path)).size);
    await reopened.commit([['key0', undefined]]);
    expect(Object.keys(await contents())).toHaveLength(2_499);
  });

  it('are refused when they are damaged, or another program wrote them', async () => {
    await (await open()).commit([['a', 1]]);
    const whole = await readFile(path, 'utf8');
    for (const text of [whole.replace('glasskey-watch', 'other'), whole.replace('[[', '[{'), `${whole}\n{}\n`, 'x']) {
      await writeFile(path, text);
      await expect(open()).rejects.toMatchObject({ code: 'storage-corrupt' });
    }
  });

  it('accept nothing more after a write that failed', async () => {
    const file = await open();
    await file.commit([['a', 1]]);
    await truncate(path, 3);
    await expect(file.commit([['b', 2]])).rejects.toMatchObject({ code: 'storage-failed' });
    await expect(file.commit([['c', 3]])).rejects.toMatchObject({ code: 'storage-failed' });
  });

  it('are rewritten when the journal has grown, and no change is lost', async () => {
    const file = await open();
    const text = 'x'.repeat(64 * 1024);
    for (let i = 0; i < 100; i++) await file.commit([['same', `${i} ${text}`]]);
    expect((await stat(path)).size).toBeLessThan(5 * 1024 * 1024);
    expect(await contents()).toEqual({ same: `99 ${text}` });
    await appendFile(path, '');
  });
});
