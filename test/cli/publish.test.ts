import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { createTestAuditor } from '../support/auditor.ts';
import { CliSandbox, PROGRAM } from '../support/cli.ts';
import { growTo } from '../support/publishing.ts';
import { serveLog } from '../support/serve-log.ts';
import { signedBundle } from '../support/signed-bundle.ts';
import { StaticLog } from '../support/static-log.ts';
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

  it('names what is damaged with --check, also while the log grows, and --repair mends it', async () => {
    await register('dave');
    const whole = await publish('--check');
    expect(whole, whole.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('checked: whole') });
    const update = box.path('copy/log/updates/000');
    const right = readFileSync(update);
    writeFileSync(update, right.subarray(0, -1));
    rmSync(box.path('copy/.well-known/glasskey'));
    expect(await publish('--check')).toMatchObject({ code: 1, stderr: expect.stringContaining('--trust') });
    const found = await publish('--check', ...trust());
    expect(found, found.stderr).toMatchObject({ code: 1 });
    expect(found.stdout).toContain('log/updates/000: truncated\n');
    expect(found.stdout).toContain('.well-known/glasskey: missing\n');
    const repaired = await publish('--repair', ...trust());
    expect(repaired, repaired.stderr).toMatchObject({ code: 0 });
    expect(repaired.stdout).toContain('log/updates/000: truncated, repaired\n');
    expect(readFileSync(update).equals(right)).toBe(true);
    expect(await publish('--check')).toMatchObject({ code: 0 });
    // A copy of `publish` has the files of a mirror.
    const mirror = ['audit', url, '--mirror', 'copy', '--state', 'keeper', ...trust()];
    rmSync(update);
    const mirrored = await box.run(...mirror, '--repair');
    expect(mirrored, mirrored.stderr).toMatchObject({ code: 0 });
    expect(mirrored.stdout).toContain('log/updates/000: missing, repaired\n');
    expect(await box.run('audit', url, '--check')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('(usage)'),
    });
  }, 120_000);

  it('has its readers told that the copy is damaged, or old, and nothing against the log', async () => {
    const update = box.path('copy/log/updates/000');
    const [right, checkpoint] = [readFileSync(update), readFileSync(box.path('copy/log/checkpoint'))];
    const accused = async (state: string, expected: string, ...args: string[]): Promise<void> => {
      const read = await box.run('audit', copy.url, '--state', state, ...trust(), ...args);
      expect([read.code, read.stderr]).toEqual([1, expect.stringContaining(`(${expected})`)]);
      expect(readdirSync(box.path(state)).filter((name) => name.startsWith('evidence'))).toEqual([]);
    };
    writeFileSync(update, 'damaged');
    await accused('reader', 'copy-damaged');
    await accused('reader', 'copy-damaged', '--mirror', 'second');
    const again = await box.run('publish', copy.url, '--to', 'third', '--state', 'again', ...trust());
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('(copy-damaged)')]);
    expect(existsSync(box.path('again'))).toBe(false);
    rmSync(update);
    await accused('reader', 'copy-damaged');
    writeFileSync(update, right);
    const bundle = box.path('copy/.well-known/glasskey');
    const signed = readFileSync(bundle, 'utf8');
    writeFileSync(bundle, signed.replace(/"sequence":\s*\d+/, '"sequence":77'));
    await accused('reader', 'copy-damaged');
    writeFileSync(bundle, signed);
    await register('erin');
    expect(await box.run('audit', url, '--state', 'reader', ...trust())).toMatchObject({ code: 0 });
    await accused('reader', 'too-far-behind');
    // The mirror's own disk accuses nobody either.
    expect(await box.run('audit', url, '--mirror', 'own', '--state', 'owner', ...trust())).toMatchObject({ code: 0 });
    writeFileSync(box.path('own/log/updates/000'), 'damaged');
    const own = await box.run('audit', url, '--mirror', 'own', '--state', 'other', ...trust());
    expect([own.code, own.stderr]).toEqual([1, expect.stringContaining('the mirror is a damaged copy')]);
    expect(readFileSync(box.path('copy/log/checkpoint'))).toEqual(checkpoint);
  }, 120_000);

  it.each([
    ['publish', (to: string) => ['publish', url, '--to', to]],
    ['audit --mirror', (to: string) => ['audit', url, '--state', `${to}-state`, '--mirror', to]],
  ])(
    '%s may be killed anywhere: --check tells, --repair mends, and the next run goes on',
    async (name, command) => {
      for (const [call, count] of [
        ['link', 1],
        ['link', 4],
        ['rename', 1],
        ['rename', 2],
      ] as const) {
        const to = `killed-${name.length}-${call}-${count}`;
        box.killAt(call, count);
        const killed = await box.run(...command(to), ...trust());
        box.killAt(undefined);
        expect(killed.code).toBe(-1);
        const checked = await box.run(...command(to), ...trust(), '--check');
        expect(checked, checked.stderr).toMatchObject({ code: 1 });
        expect(checked.stdout + checked.stderr).toMatch(/log\/checkpoint: missing|no copy at/);
        const next = await box.run(...command(to), ...trust());
        expect(next, next.stderr).toMatchObject({ code: 0 });
        rmSync(box.path(to, 'log/updates/000'));
        box.killAt('rename', 1);
        expect((await box.run(...command(to), ...trust(), '--repair')).code).toBe(-1);
        box.killAt(undefined);
        expect(await box.run(...command(to), ...trust(), '--check')).toMatchObject({ code: 1 });
        expect(await box.run(...command(to), ...trust(), '--repair')).toMatchObject({ code: 0 });
        expect(await box.run(...command(to), ...trust(), '--check')).toMatchObject({ code: 0 });
      }
    },
    240_000,
  );

  it('waits a moment where the log has just got another auditor, and reports what stays so', async () => {
    const young = new StaticLog('log.example/young');
    await growTo(young, 20);
    young.changeConfiguration((await createTestAuditor(60_000)).configuration);
    const served = formatTrustBundle(await signedBundle({ ...young.bundle, sequence: 2 }));
    let grow = async (): Promise<unknown> => growTo(young, 21);
    const operator = await serveLog(() => {
      if (young.requests.filter((path) => path === 'checkpoint').length === 2) void grow();
      return young;
    }, served);
    try {
      const run = () => box.run('publish', operator.url, '--to', 'young', '--state', 'young-state');
      expect(await run()).toMatchObject({ code: 0, stdout: expect.stringContaining('21 entries published') });
      rmSync(box.path('young'), { recursive: true });
      young.changeConfiguration({ maxAheadMs: 1 });
      grow = async () => undefined;
      await growTo(young, 22);
      // A plain web server shows it, whose bundle may only be old.
      expect(await run()).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/\(bad-audit-entry\).*\(copy-damaged\)/),
      });
    } finally {
      await operator.close();
    }
  }, 120_000);

  it.each(['--check', '--repair'])('makes nothing where %s is given a place without a copy', async (flag) => {
    const typo = await box.run('publish', url, '--to', 'typo/deeper', flag, ...trust());
    expect([typo.code, typo.stderr]).toEqual([1, expect.stringMatching(/no copy at typo\/deeper.*\(usage\)/)]);
    const mirror = await box.run('audit', url, '--mirror', 'typo', flag, '--state', 'typing', ...trust());
    expect([mirror.code, mirror.stderr]).toEqual([1, expect.stringMatching(/no copy at typo.*\(usage\)/)]);
    mkdirSync(box.path('empty'), { recursive: true });
    expect(await box.run('publish', url, '--to', 'empty', flag, ...trust())).toMatchObject({ code: 1 });
    expect([existsSync(box.path('typo')), readdirSync(box.path('empty'))]).toEqual([false, []]);
  });

  it('leaves alone what was changed, or is of another log', async () => {
    const path = box.path('copy/log/checkpoint');
    const before = readFileSync(path, 'utf8');
    writeFileSync(path, before.replace(/\n\d+\n/, '\n1\n'));
    const changed = await publish();
    expect([changed.code, changed.stderr]).toEqual([1, expect.stringContaining('(published-differs)')]);
    writeFileSync(path, before);
    expect(await box.run('init', '--data', 'second')).toMatchObject({ code: 0 });
    const second = await box.serve('--data', 'second', '--embedded', '--listen', '127.0.0.1:0');
    const foreign = await box.run('publish', second.url, '--to', 'copy');
    expect([foreign.code, foreign.stderr]).toEqual([1, expect.stringContaining('(other-log)')]);
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
