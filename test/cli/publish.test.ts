import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliSandbox, PROGRAM } from '../support/cli.ts';
import { serveFolder, type StaticServer } from '../support/static-server.ts';

const box = new CliSandbox();
let log: readonly string[];
let url: string;
let copy: StaticServer;

beforeAll(async () => {
  log = await box.logInPostgres('server');
  expect(await box.run('init', ...log)).toMatchObject({ code: 0 });
  ({ url } = await box.serve(...log, '--listen', '127.0.0.1:0'));
  copy = await serveFolder(box.path('copy'));
}, 240_000);
afterAll(async () => {
  await copy?.close();
  await box.remove();
});

const publish = (...args: string[]) => box.run('publish', url, '--to', 'copy', ...args);
const trust = () => ['--trust', box.path('server/trust.json')];

async function register(name: string): Promise<void> {
  const token = ['--token-file', box.path('server/registration.token')];
  const made = await box.run('register', `${name}@example.com`, '--server', url, ...token, '--out', name);
  expect(made, made.stderr).toMatchObject({ code: 0 });
}

/** Audits the copy as anybody would. */
async function audit(state: string): Promise<{ treeSize: number; rootHash: string }> {
  const done = await box.run('audit', copy.url, '--json', '--state', state, ...trust());
  expect(done, done.stderr).toMatchObject({ code: 0 });
  return JSON.parse(done.stdout) as { treeSize: number; rootHash: string };
}

describe('glasskey publish', () => {
  it('makes a copy on a plain web server that audits like the log itself', async () => {
    await register('alice');
    const first = await publish('--json');
    expect(first, first.stderr).toMatchObject({ code: 0 });
    expect(first.stderr).toContain('on first use: fingerprint');
    const { treeSize, rootHash } = JSON.parse(first.stdout) as { treeSize: number; rootHash: string };
    expect(await audit('auditor')).toMatchObject({ treeSize, rootHash });
    await register('bob');
    const second = await publish(...trust());
    expect([second.code, second.stderr]).toEqual([0, '']);
    expect((await audit('auditor')).treeSize).toBeGreaterThan(treeSize);
    // Without a bundle at hand an auditor pins the published one.
    const pinned = await box.run('audit', copy.url, '--state', 'pinned');
    expect(pinned, pinned.stderr).toMatchObject({ code: 0 });
  }, 120_000);

  it('goes on with --watch, keeps others out meanwhile, and may be killed', async () => {
    const { treeSize } = await audit('watcher');
    const args = [PROGRAM, 'publish', url, '--to', 'copy', '--watch', '--interval', '1'];
    const watching: ChildProcess = spawn(process.execPath, args, { cwd: box.folder, stdio: 'pipe' });
    let output = '';
    const grown = new Promise<void>((resolve) => {
      watching.stdout?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (/ [1-9]\d* of them now/.test(output)) resolve();
      });
    });
    await register('carol');
    await grown;
    expect(existsSync(box.path('copy/.publishing'))).toBe(true);
    const other = await publish();
    expect(other).toMatchObject({ code: 1 });
    expect(other.stderr).toContain('(state-locked)');
    watching.kill('SIGKILL');
    await once(watching, 'exit');
    expect((await audit('watcher')).treeSize).toBeGreaterThan(treeSize);
    const after = await publish();
    expect(after, after.stderr).toMatchObject({ code: 0 });
  }, 120_000);

  it('leaves alone what was changed, or is of another log', async () => {
    const path = box.path('copy/log/checkpoint');
    const before = readFileSync(path, 'utf8');
    writeFileSync(path, before.replace(/\n\d+\n/, '\n1\n'));
    const changed = await publish();
    expect([changed.code, changed.stderr]).toEqual([1, expect.stringContaining('(published-differs)')]);
    writeFileSync(path, before);
    expect(await box.run('init', '--data', 'second')).toMatchObject({ code: 0 });
    const second = await box.serve('--data', 'second', '--listen', '127.0.0.1:0');
    const foreign = await box.run('publish', second.url, '--to', 'copy');
    expect([foreign.code, foreign.stderr]).toEqual([2, expect.stringContaining('(bundle-changed)')]);
    expect(readFileSync(path, 'utf8')).toBe(before);
  }, 120_000);

  it.each([
    ['a place that is none', ['--to', 'ftp://example.com/log']],
    ['a bucket without a name', ['--to', 's3:///prefix']],
    ['a bucket with dots in its path', ['--to', 's3://bucket/../other']],
    ['a bucket without keys', ['--to', 's3://glasskey-log']],
    ['an endpoint that is none', ['--to', 's3://glasskey-log', '--endpoint', 'nonsense']],
    ['a pause of nothing', ['--to', 'copy', '--interval', '0']],
  ])('refuses %s', async (_, args) => {
    const result = await box.run('publish', url, ...args);
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining('(usage)')]);
  });
});
