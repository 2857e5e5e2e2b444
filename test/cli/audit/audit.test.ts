import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatTrustBundle } from '../../../src/contract/parse-trust-bundle.ts';
import { type CliResult, CliSandbox, PROGRAM, type RunningCli } from '../../support/cli.ts';
import { growTo } from '../../support/publishing.ts';
import { serveLog } from '../../support/serve-log.ts';
import { signedBundle } from '../../support/signed-bundle.ts';
import { StaticLog, testLeaf } from '../../support/static-log.ts';
import { serveFolder, type StaticServer } from '../../support/static-server.ts';

const box = new CliSandbox();
let log: readonly string[];
let server: RunningCli;
let mirror: StaticServer;

beforeAll(async () => {
  log = await box.logInPostgres('server');
  expect(await box.run('init', ...log)).toMatchObject({ code: 0 });
  server = await box.serve(...log, '--listen', '127.0.0.1:0');
  mirror = await serveFolder(box.path('mirror'));
  await register('alice');
}, 240_000);
afterAll(async () => {
  await mirror?.close();
  await box.remove();
});

const trust = (): string[] => ['--trust', box.path('server/trust.json')];

async function register(name: string): Promise<void> {
  const token = ['--token-file', box.path('server/registration.token')];
  const made = await box.run('register', `${name}@example.com`, '--server', server.url, ...token, '--out', name);
  expect(made, made.stderr).toMatchObject({ code: 0 });
}

describe('glasskey evidence verify', () => {
  it('proves a fork to somebody who has only the file and the bundle', async () => {
    const log = new StaticLog('log.example/forked');
    const fork = new StaticLog('log.example/forked');
    fork.append([testLeaf(999)], 1_000_000);
    const signed = await signedBundle(log.bundle);
    writeFileSync(box.path('forked.json'), formatTrustBundle(signed));
    for (const one of [log, fork]) await growTo(one, 20);
    let shown = log;
    const operator = await serveLog(() => shown, formatTrustBundle(signed));
    try {
      const audit = (): Promise<CliResult> =>
        box.run('audit', operator.url, '--trust', 'forked.json', '--state', 'forked', '--mirror', 'forked-mirror');
      expect(await audit()).toMatchObject({ code: 0 });
      shown = fork;
      await growTo(fork, 30);
      const found = await audit();
      expect([found.code, found.stderr]).toEqual([2, expect.stringContaining('(log-forked)')]);
      const [, file = ''] = /evidence verify (\S+)/.exec(found.stderr) ?? [];
      const proven = await box.run('evidence', 'verify', file, '--trust', 'forked.json');
      expect([proven.code, proven.stdout]).toEqual([
        2,
        expect.stringContaining('PROVEN: misbehaviour in the log log.example'),
      ]);
      const json = await box.run('evidence', 'verify', file, '--trust', 'forked.json', '--json');
      expect(JSON.parse(json.stdout)).toMatchObject({
        proven: true,
        code: 'log-forked',
        parties: ['log.example/forked'],
      });
      const wrong = await box.run('evidence', 'verify', file, ...trust(), '--json');
      expect([wrong.code, JSON.parse(wrong.stdout)]).toEqual([
        1,
        expect.objectContaining({ proven: false, code: 'not-proven' }),
      ]);
      const none = await box.run('evidence', 'verify', 'forked.json', '--trust', 'forked.json');
      expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('(not-proven)')]);
    } finally {
      await operator.close();
    }
  }, 120_000);
});

describe('glasskey audit', () => {
  it('reports in words, and keeps a mirror with which audits of others agree', async () => {
    const done = await box.run('audit', server.url, '--mirror', 'mirror', '--state', 'auditor', ...trust());
    expect(done, done.stderr).toMatchObject({ code: 0 });
    expect(done.stdout).toMatch(/the whole log holds\n {2}1 changes of keys .* since 20\d\d-/);
    const copied = await box.run('audit', mirror.url, '--json', '--state', 'other', ...trust());
    expect(copied, copied.stderr).toMatchObject({ code: 0 });
    const report = JSON.parse(copied.stdout) as { treeSize: number; rootHash: string };
    expect(report).toMatchObject({ updates: 1, allUpdates: 1, witnesses: [] });
    expect(done.stdout).toContain(report.rootHash);
    // Without a bundle at hand an auditor pins the one of the mirror.
    expect(await box.run('audit', mirror.url, '--state', 'pinned')).toMatchObject({ code: 0 });
  }, 120_000);

  it('finds in an altered mirror what it is, and leaves it as it was', async () => {
    const path = box.path('mirror/log/updates/001');
    const honest = readFileSync(path);
    writeFileSync(path, Buffer.concat([honest, Buffer.of(0)]));
    const found = await box.run('audit', mirror.url, '--state', 'suspicious', ...trust());
    writeFileSync(path, honest);
    expect([found.code, found.stderr]).toEqual([1, expect.stringMatching(/\(bad-auditor-update\).*\(copy-damaged\)/)]);
    // Who altered the file nobody can tell: the log has signed nothing wrong.
    expect(found.stderr).not.toContain('evidence');
  }, 120_000);

  it('goes on with --watch through an outage, and may be killed', async () => {
    const args = [
      'audit',
      server.url,
      '--mirror',
      'mirror',
      '--state',
      'auditor',
      '--watch',
      '--interval',
      '1',
      '--json',
    ];
    const watching: ChildProcess = spawn(process.execPath, [PROGRAM, ...args], { cwd: box.folder, stdio: 'pipe' });
    const output = { stdout: '', stderr: '' };
    const until = (stream: 'stdout' | 'stderr', pattern: RegExp): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (pattern.test(output[stream])) resolve();
        };
        watching[stream]?.on('data', look);
        look();
      });
    for (const stream of ['stdout', 'stderr'] as const) {
      watching[stream]?.on('data', (chunk: Buffer) => (output[stream] += chunk.toString()));
    }
    await until('stdout', /"allUpdates":1,/);
    const { port } = new URL(server.url);
    expect(await server.stop()).toBe(0);
    await until('stderr', /\(network-failed\)/);
    server = await box.serve(...log, '--listen', `127.0.0.1:${port}`);
    await register('bob');
    await until('stdout', /"allUpdates":2,/);
    watching.kill('SIGKILL');
    await once(watching, 'exit');
    const after = await box.run('audit', mirror.url, '--json', '--state', 'other', ...trust());
    expect(JSON.parse(after.stdout)).toMatchObject({ allUpdates: 2 });
    expect(await box.run('audit', server.url, '--mirror', 'mirror', ...trust())).toMatchObject({ code: 0 });
  }, 120_000);
});
