import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliSandbox, PROGRAM } from '../support/cli.ts';

const NAME = 'alice@example.com';
const box = new CliSandbox();
let log: readonly string[];
let url: string;
let to: string[];

beforeAll(async () => {
  log = await box.logInPostgres('server');
  expect((await box.run('init', ...log)).code).toBe(0);
  ({ url } = await box.serve(...log, '--listen', '127.0.0.1:0'));
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

  it('have keys for encryption beside them, which renewals keep', async () => {
    const out = ['--credentials', 'laptop', '--out', 'tablet', '--companion', 'x25519,ml-kem-768'];
    expect((await box.run('register', NAME, ...to, ...out)).code).toBe(0);
    const files = ['companion-x25519.pem', 'companion-ml-kem-768.pem'].map((file) => box.path(join('tablet', file)));
    const before = files.map((file) => [statSync(file).mode & 0o777, readFileSync(file, 'utf8')]);
    expect(before.map(([mode]) => mode)).toEqual([0o600, 0o600]);
    const spki = createPublicKey(createPrivateKey(readFileSync(files[0] as string, 'utf8'))).export({
      format: 'der',
      type: 'spki',
    });
    expect((await box.run('renew', NAME, ...to, '--credentials', 'tablet')).code).toBe(0);
    expect(files.map((file) => [statSync(file).mode & 0o777, readFileSync(file, 'utf8')])).toEqual(before);
    const { stdout } = await box.run('lookup', NAME, ...to, '--json');
    const { certificates } = JSON.parse(stdout) as {
      certificates: { companions?: { x25519: string; mlKem768: string } }[];
    };
    const shown = certificates.flatMap(({ companions }) => (companions === undefined ? [] : [companions]));
    expect(shown).toHaveLength(2);
    for (const { x25519, mlKem768 } of shown) {
      expect(x25519).toBe(spki.subarray(-32).toString('base64'));
      expect(Buffer.from(mlKem768, 'base64')).toHaveLength(1184);
    }
    const other = ['--companion', 'x448', '--out', 'watch', '--credentials', 'laptop'];
    expect((await box.run('register', NAME, ...to, ...other)).code).toBe(1);
    // The request that is there asks for other keys.
    const less = ['--credentials', 'tablet', '--out', 'phone', '--companion', 'x25519'];
    expect((await box.run('rotate', NAME, ...to, ...less)).stderr).toContain('(usage)');
    expect(existsSync(box.path('phone/companion-x25519.pem'))).toBe(false);
  }, 240_000);

  it('keep these keys in a rotation, but for those of which it makes new ones', async () => {
    const rotate = (...args: string[]) => box.run('rotate', NAME, ...to, '--credentials', 'tablet', ...args);
    expect((await rotate('--out', 'tablet2', '--companion', 'x25519')).code).toBe(0);
    const read = (path: string) => readFileSync(box.path(path), 'utf8');
    expect(read('tablet2/companion-ml-kem-768.pem')).toBe(read('tablet/companion-ml-kem-768.pem'));
    expect(read('tablet2/companion-x25519.pem')).not.toBe(read('tablet/companion-x25519.pem'));
    expect((await box.run('renew', NAME, ...to, '--credentials', 'tablet2')).code).toBe(0);
  }, 240_000);

  it('are revoked all at once', async () => {
    const revoked = await box.run('revoke', NAME, ...to, '--credentials', 'phone', '--all', '--json');
    expect(revoked.code).toBe(0);
    expect((JSON.parse(revoked.stdout) as { revoked: string[] }).revoked).toHaveLength(4);
    expect(await devices()).toEqual([]);
  }, 240_000);
});
