import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliSandbox, PROGRAM, type RunningCli } from '../support/cli.ts';
import { serveFolder, type StaticServer } from '../support/static-server.ts';

const box = new CliSandbox();
let server: RunningCli;
let mirror: StaticServer;

beforeAll(async () => {
  expect(await box.run('init', '--data', 'server')).toMatchObject({ code: 0 });
  server = await box.serve('--data', 'server', '--listen', '127.0.0.1:0');
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
    expect([found.code, found.stderr]).toEqual([2, expect.stringContaining('(bad-auditor-update)')]);
    expect(found.stderr).toContain('evidence written to suspicious/evidence-');
    writeFileSync(path, honest);
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
    server = await box.serve('--data', 'server', '--listen', `127.0.0.1:${port}`);
    await register('bob');
    await until('stdout', /"allUpdates":2,/);
    watching.kill('SIGKILL');
    await once(watching, 'exit');
    const after = await box.run('audit', mirror.url, '--json', '--state', 'other', ...trust());
    expect(JSON.parse(after.stdout)).toMatchObject({ allUpdates: 2 });
    expect(await box.run('audit', server.url, '--mirror', 'mirror', ...trust())).toMatchObject({ code: 0 });
  }, 120_000);
});
