import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { newHolder } from '../../src/host/lock-holder.ts';
import { lockFolder } from '../../src/store/folder-lock.ts';
import { openStore } from '../../src/store/open-store.ts';

let folder: string;
let program: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  const programs = await mkdtemp(join(tmpdir(), 'glasskey-lock-program-'));
  program = join(programs, 'hold.mjs');
  await build({
    stdin: {
      contents: `import { lockFolder } from './src/store/folder-lock.ts';
        process.stdin.once('data', () => lockFolder(process.argv[2]).then(
          () => console.log('held'), (error) => { console.log(error.code + ' ' + error.message); process.exit(1); }));
        console.log('ready');`,
      resolveDir: join(import.meta.dirname, '../..'),
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: program,
  });
});
afterAll(async () => {
  await rm(join(program, '..'), { recursive: true });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Processes that try to take the lock at the same time; gives what each said. */
async function race(count: number): Promise<{ child: ChildProcess; said: string }[]> {
  const started = Array.from({ length: count }, () => spawn(process.execPath, [program, folder], { stdio: 'pipe' }));
  children.push(...started);
  await Promise.all(started.map((child) => once(child.stdout, 'data')));
  const answers = started.map(async (child) => ({ child, said: String(await once(child.stdout, 'data')).trim() }));
  for (const child of started) child.stdin.write('go\n');
  return Promise.all(answers);
}

async function inNewFolder(work: () => Promise<void>): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-lock-'));
  try {
    await work();
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('two stores of one process cannot share a folder; the next can use it', () =>
  inNewFolder(async () => {
    const store = await openStore({ dataDir: folder });
    expect((await store.checkDurability()).warnings.join()).toContain('fsync');
    const created = await store.createLog({ origin: 'log', configuration: new Uint8Array([7]) });
    const refused = { code: 'storage-locked', message: expect.stringContaining(String(process.pid)) };
    await expect(openStore({ dataDir: folder })).rejects.toMatchObject(refused);
    await store.close();
    await store.close();
    await expect(store.ping()).rejects.toMatchObject({ code: 'storage-failed' });
    const again = await openStore({ dataDir: folder });
    expect(await again.findLog('log')).toEqual(created);
    await again.close();
    expect(await readdir(folder)).toEqual(['database']);
  }));

test('of processes that race for the lock one gets it, also when the last holder was killed', () =>
  inNewFolder(async () => {
    for (let round = 0; round < 4; round++) {
      const results = await race(6);
      const holders = results.filter((result) => result.said === 'held');
      expect(holders).toHaveLength(1);
      const holder = holders[0]!.child;
      for (const { said } of results.filter((result) => result.said !== 'held')) {
        expect(said).toMatch(/^storage-locked /);
      }
      await expect(lockFolder(folder)).rejects.toMatchObject({
        code: 'storage-locked',
        message: expect.stringContaining(`process ${holder.pid}`),
      });
      holder.kill('SIGKILL');
      await once(holder, 'exit');
    }
    const lock = await lockFolder(folder);
    expect(await readdir(folder)).toEqual(['lock']);
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  }));

test('a process that has the pid of a dead holder does not hold the lock', () =>
  inNewFolder(async () => {
    const lock = await lockFolder(folder);
    const file = join(folder, 'lock');
    const holder = JSON.parse(await readFile(file, 'utf8')) as { nonce: string; startTime: string };
    await lock.release();
    await writeFile(file, JSON.stringify({ ...holder, startTime: '1' }));
    await (await lockFolder(folder)).release();
  }));

test('a holder of another machine is alive as long as it touches its file', () =>
  inNewFolder(async () => {
    const file = join(folder, 'lock');
    await writeFile(file, JSON.stringify({ nonce: 'n', pid: 1, startTime: '1', machine: 'elsewhere' }));
    await expect(lockFolder(folder)).rejects.toMatchObject({ code: 'storage-locked' });
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(file, longAgo, longAgo);
    await (await lockFolder(folder)).release();
  }));

test('what is not a lock file is named, and what killed processes left goes', () =>
  inNewFolder(async () => {
    const file = join(folder, 'lock');
    for (const put of [() => symlink('nowhere', file), () => mkdir(file), async () => execFileSync('mkfifo', [file])]) {
      await put();
      const refused = { code: 'storage-failed', message: expect.stringContaining(`${file} is not a lock file`) };
      await expect(lockFolder(folder)).rejects.toMatchObject(refused);
      expect(await readdir(folder)).toEqual(['lock']);
      await rm(file, { recursive: true });
    }
    const [killed, waiting] = [{ ...newHolder(), pid: 4_194_304_999 }, newHolder()];
    for (const holder of [killed, waiting]) {
      await writeFile(join(folder, `lock-${holder.nonce}.tmp`), JSON.stringify(holder));
    }
    await (await lockFolder(folder)).release();
    expect(await readdir(folder)).toEqual([`lock-${waiting.nonce}.tmp`]);
  }));

test('a folder that cannot be written', async () => {
  await expect(openStore({ dataDir: '/dev/null/x' })).rejects.toMatchObject({ code: 'storage-failed' });
  await expect(openStore('mysql://x')).rejects.toMatchObject({ code: 'usage' });
});
