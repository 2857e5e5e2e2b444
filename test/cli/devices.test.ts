import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliSandbox, PROGRAM } from '../support/cli.ts';

const NAME = 'alice@example.com';
const box = new CliSandbox();
let url: string;
let to: string[];

beforeAll(async () => {
  expect((await box.run('init', '--data', 'server')).code).toBe(0);
  ({ url } = await box.serve('--data', 'server', '--listen', '127.0.0.1:0'));
  to = ['--server', url];
  const token = ['--token-file', box.path('server/registration.token')];
  expect((await box.run('register', NAME, ...to, ...token, '--out', 'laptop')).code).toBe(0);
  expect((await box.run('register', NAME, ...to, '--credentials', 'laptop', '--out', 'phone')).code).toBe(0);
}, 240_000);
afterAll(() => box.remove());

interface Device {
  readonly name?: string;
  readonly serial: string;
  readonly spkiSha256: string;
}

async function devices(...more: string[]): Promise<readonly Device[]> {
  const result = await box.run('devices', NAME, ...to, '--json', ...more);
  expect([result.code, more, result.stderr.includes('glasskey:')]).toEqual([0, more, false]);
  return (JSON.parse(result.stdout) as { devices: readonly Device[] }).devices;
}

describe('devices', () => {
  it('are listed, and named by their owner', async () => {
    const [laptop, phone] = await devices();
    expect([laptop?.name, phone?.name]).toEqual([undefined, undefined]);
    await devices('--key', laptop?.spkiSha256.slice(0, 12) ?? '', '--name', 'laptop');
    const named = await devices('--key', phone?.serial ?? '', '--name', 'phone');
    expect(named.map(({ name }) => name)).toEqual(['laptop', 'phone']);
    const shown = await box.run('devices', NAME, ...to);
    expect(shown.stdout).toMatch(/ {2}laptop\n.* {2}phone\n$/);
    const bad = await box.run('devices', NAME, ...to, '--key', 'zz', '--name', 'x');
    expect([bad.code, bad.stderr.includes('(usage)')]).toEqual([1, true]);
    expect((await box.run('devices', 'nobody@example.com', ...to)).code).toBe(3);
  }, 240_000);

  it('are renewed by a daemon when it is time, which a restart does not change', async () => {
    const before = readFileSync(box.path('phone/certificate.pem'), 'utf8');
    const args = ['renew', NAME, ...to, '--credentials', 'phone', '--daemon'];
    const daemon = spawn(process.execPath, [PROGRAM, ...args], { cwd: box.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    // Nothing is due: it only waits, and leaves when it is told to.
    const [said] = (await once(daemon.stderr, 'data')) as [Buffer];
    expect(said.toString()).toMatch(/^next renewal: \d{4}-/);
    daemon.kill('SIGTERM');
    expect((await once(daemon, 'exit'))[0]).toBe(0);
    expect(readFileSync(box.path('phone/certificate.pem'), 'utf8')).toBe(before);
  }, 240_000);

  it('are revoked all at once', async () => {
    const revoked = await box.run('revoke', NAME, ...to, '--credentials', 'phone', '--all', '--json');
    expect(revoked.code).toBe(0);
    expect((JSON.parse(revoked.stdout) as { revoked: string[] }).revoked).toHaveLength(2);
    expect(await devices()).toEqual([]);
  }, 240_000);
});
