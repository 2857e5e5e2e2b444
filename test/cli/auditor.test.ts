import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { CliSandbox, type RunningCli } from '../support/cli.ts';

const box = new CliSandbox();
afterAll(() => box.remove());

const PATIENCE = { timeout: 120_000, interval: 250 };
let names = 0;

/** The port of a server, so that another one can take its place. */
const listenOf = (url: string): string[] => ['--listen', new URL(url).host];
const register = (data: string, url: string) => {
  const name = `user${names++}`;
  const token = ['--token-file', box.path(data, 'registration.token')];
  return box.run('register', `${name}@example.com`, '--server', url, ...token, '--out', `${data}-${name}`);
};
const lookup = (url: string, state: string) =>
  box.run('lookup', 'user0@example.com', '--server', url, '--state', state);
const isNotAudited = ({ code, stderr }: { code: number; stderr: string }): boolean =>
  code === 1 && stderr.includes('(not-audited)');
const audit = (url: string, data: string, ...more: string[]): Promise<RunningCli> =>
  box.start(['auditor'], '--server', url, '--data', data, '--listen', '127.0.0.1:0', '--interval', '200ms', ...more);

/** The value of one of an auditor's metrics. */
async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

/** Makes an auditor and a log that demands it; returns the options that name the log. */
async function makeLog(folder: string, ...more: string[]): Promise<readonly string[]> {
  const made = await box.run('auditor', 'init', '--data', `${folder}-auditor`);
  expect(made, made.stderr).toMatchObject({ code: 0 });
  const data = await box.logInPostgres(folder);
  const key = made.stdout.trim();
  expect(await box.run('init', ...data, '--auditor-key', key, ...more)).toMatchObject({ code: 0 });
  return data;
}

describe('glasskey auditor', () => {
  it('makes its key once, and shows it', async () => {
    const made = await box.run('auditor', 'init', '--data', 'one');
    expect(made).toMatchObject({ code: 0 });
    expect(Buffer.from(made.stdout, 'base64')).toHaveLength(32);
    expect(await box.run('auditor', 'key', '--data', 'one')).toMatchObject({ code: 0, stdout: made.stdout });
    expect(await box.run('auditor', 'init', '--data', 'one')).toMatchObject({ code: 1 });
    expect(statSync(box.path('one/auditor.pem')).mode & 0o777).toBe(0o600);
    expect(readFileSync(box.path('one/auditor.pem'), 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    const other = await box.run('auditor', 'init', '--data', 'two', '--suite', 'p256', '--json');
    expect(Buffer.from((JSON.parse(other.stdout) as { publicKey: string }).publicKey, 'base64')).toHaveLength(65);
  }, 60_000);

  it.each([
    ['no folder', ['--server', 'http://127.0.0.1:1']],
    ['no server', ['--data', 'one']],
    ['no folder of an auditor', ['--server', 'http://127.0.0.1:1', '--data', 'elsewhere']],
    ['no server at all', ['--server', 'nonsense', '--data', 'one']],
    ['no pause', ['--server', 'http://127.0.0.1:1', '--data', 'one', '--interval', '0s']],
    ['a pause of a day', ['--server', 'http://127.0.0.1:1', '--data', 'one', '--interval', '1d']],
    ['a bundle that is none', ['--server', 'http://127.0.0.1:1', '--data', 'one', '--trust', 'one/auditor.pem']],
    ['nothing to resume', ['resume', '--data', 'one']],
  ])('ends with 1 for %s', async (_, args) => {
    const done = await box.run('auditor', ...args);
    expect([done.code, /^glasskey: /m.test(done.stderr)]).toEqual([1, true]);
  });

  it('keeps a log going that stops without it', async () => {
    const data = await makeLog('log', '--auditor-lag', '3s');
    let server = await box.serve(...data, '--listen', '127.0.0.1:0');
    expect(isNotAudited(await lookup(server.url, 'alice'))).toBe(true);
    let auditor = await audit(server.url, 'log-auditor', '--trust', box.path('log/trust.json'));
    await vi.waitUntil(async () => (await register('log', server.url)).code === 0, PATIENCE);
    expect(await lookup(server.url, 'alice')).toMatchObject({ code: 0 });
    const signed = await metric(auditor.url, 'glasskey_auditor_signed_size');
    expect(signed).toBeGreaterThan(1);
    expect(await metric(auditor.url, 'glasskey_auditor_diverged')).toBe(0);
    expect((await box.run('auditor', 'resume', '--data', 'log-auditor')).stderr).toContain('(storage-locked)');

    // Nobody signs: what is older than the lag says is refused, also to those who have looked before.
    expect(await auditor.stop()).toBe(0);
    await vi.waitUntil(async () => isNotAudited(await register('log', server.url)), PATIENCE);
    expect(isNotAudited(await lookup(server.url, 'alice'))).toBe(true);
    expect(isNotAudited(await lookup(server.url, 'bob'))).toBe(true);

    // The server fetches from an auditor that does not post.
    auditor = await audit(server.url, 'log-auditor', '--no-post');
    await vi.waitUntil(async () => (await metric(auditor.url, 'glasskey_auditor_signed_size')) > signed, PATIENCE);
    expect(isNotAudited(await lookup(server.url, 'bob'))).toBe(true);
    const listen = listenOf(server.url);
    expect(await server.stop()).toBe(0);
    server = await box.serve(...data, ...listen, '--auditor', auditor.url);
    await vi.waitUntil(async () => (await lookup(server.url, 'bob')).code === 0, PATIENCE);
    expect(await lookup(server.url, 'alice')).toMatchObject({ code: 0 });
    expect(await server.stop()).toBe(0);
    expect(await auditor.stop()).toBe(0);
  }, 480_000);

  it('starts in the middle of a log', async () => {
    const data = await box.logInPostgres('middle');
    expect(await box.run('init', ...data)).toMatchObject({ code: 0 });
    let server = await box.serve(...data, '--listen', '127.0.0.1:0');
    for (let i = 0; i < 3; i++) expect(await register('middle', server.url)).toMatchObject({ code: 0 });
    expect(await server.stop()).toBe(0);
    const made = await box.run('auditor', 'init', '--data', 'middle-auditor');
    const key = ['--auditor-key', made.stdout.trim(), '--auditor-lag', '1h', '--auditor-start', '3'];
    const early = await box.run('init', '--data', 'early', ...key);
    expect([early.code, early.stderr]).toEqual([1, expect.stringContaining('cannot start at entry 3')]);
    expect(await box.run('admin', 'auditor', '--data', 'middle', ...key)).toMatchObject({ code: 0 });
    server = await box.serve(...data, ...listenOf(server.url));
    // Clients that verify are told nothing of a log whose newest entry nobody has audited.
    expect(isNotAudited(await register('middle', server.url))).toBe(true);
    const auditor = await audit(server.url, 'middle-auditor');
    await vi.waitUntil(async () => (await register('middle', server.url)).code === 0, PATIENCE);
    expect(await metric(auditor.url, 'glasskey_auditor_signed_size')).toBeGreaterThan(3);
    expect(await metric(auditor.url, 'glasskey_auditor_entries_total')).toBeLessThan(
      await metric(auditor.url, 'glasskey_auditor_verified_size'),
    );
    expect(await auditor.stop()).toBe(0);
    expect(await server.stop()).toBe(0);
  }, 480_000);

  it('comes to a log that had none, and is replaced by another', async () => {
    const data = await box.logInPostgres('plain');
    expect(await box.run('init', ...data)).toMatchObject({ code: 0 });
    let server = await box.serve(...data, '--listen', '127.0.0.1:0');
    const { url } = server;
    expect(await register('plain', url)).toMatchObject({ code: 0 });
    const look = () => box.run('lookup', 'user0@example.com', '--server', url, '--state', 'contact');
    const check = (state: string) => box.run('audit', url, '--state', state);
    expect((await look()).code).not.toBe(1);
    expect(await check('watcher')).toMatchObject({ code: 0 });
    expect((await box.run('serve', ...data, '--auditor', 'http://127.0.0.1:1')).code).toBe(1);
    for (const auditing of ['first', 'second']) {
      const made = await box.run('auditor', 'init', '--data', auditing);
      expect(await server.stop()).toBe(0);
      const name = ['admin', 'auditor', '--data', 'plain', '--auditor-key', made.stdout.trim()];
      expect(await box.run(...name)).toMatchObject({ code: 0 });
      expect(await box.run(...name)).toMatchObject({ code: 1 });
      server = await box.serve(...data, ...listenOf(url));
      expect(isNotAudited(await look())).toBe(true);
      const auditor = await audit(url, auditing);
      await vi.waitUntil(async () => !isNotAudited(await look()), PATIENCE);
      expect((await look()).stderr).toBe('');
      expect(await check('watcher')).toMatchObject({ code: 0 });
      expect(await check(`watcher of ${auditing}`)).toMatchObject({ code: 0 });
      expect(await auditor.stop()).toBe(0);
    }
    expect(await server.stop()).toBe(0);
  }, 480_000);

  it('stays with what it found, until somebody has looked at it', async () => {
    const data = await makeLog('bad');
    writeFileSync(box.path('bad-auditor/halted.json'), '{"code":"log-forked"}\n');
    const server = await box.serve(...data, '--listen', '127.0.0.1:0');
    const halted = await audit(server.url, 'bad-auditor');
    expect(await (await fetch(`${halted.url}/evidence`)).json()).toEqual({ code: 'log-forked' });
    expect((await fetch(`${halted.url}/auditor-head`)).status).toBe(409);
    expect(await metric(halted.url, 'glasskey_auditor_diverged')).toBe(1);
    expect(await halted.stop()).toBe(0);
    const resumed = await box.run('auditor', 'resume', '--data', 'bad-auditor', '--json');
    expect(resumed).toMatchObject({ code: 0 });
    const { evidence } = JSON.parse(resumed.stdout) as { evidence: string };
    expect(readFileSync(box.path(evidence), 'utf8')).toBe('{"code":"log-forked"}\n');
    const auditor = await audit(server.url, 'bad-auditor');
    await vi.waitUntil(async () => (await register('bad', server.url)).code === 0, PATIENCE);
    expect(await auditor.stop()).toBe(0);
    expect(await server.stop()).toBe(0);
  }, 480_000);
});
