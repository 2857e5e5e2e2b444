import { X509Certificate } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CliSandbox } from '../support/cli.ts';
import { createTestDatabase } from '../support/postgres.ts';

const HOUR_MS = 3_600_000;
const box = new CliSandbox();
const token = (): string[] => ['--token-file', box.path('dev/registration.token')];
let log: string[];
const dev = (listen: string) => box.serve(...log, '--dev', '--listen', listen);
beforeAll(async () => {
  log = ['--data', 'dev', '--database', await createTestDatabase()];
});
afterAll(() => box.remove());

/** Registers a name, and returns the URLs of the CA certificate that its certificate names. */
async function issuersNamed(url: string, name: string): Promise<string> {
  const made = await box.run('register', `${name}@example.com`, '--server', url, ...token(), '--out', name);
  expect([made.code, made.stderr]).toEqual([0, expect.stringContaining('on first use')]);
  return new X509Certificate(readFileSync(box.path(name, 'certificate.pem'))).infoAccess ?? '';
}

describe('serve --dev', () => {
  it('names where it listens in certificates, on any port, also after a move', async () => {
    const first = await dev('127.0.0.1:0');
    expect(await issuersNamed(first.url, 'one')).toContain(`${first.url}/ca/issuer.der`);
    expect(first.output().split('\n', 1)).toEqual([`listening on ${first.url}`]);
    expect(await first.stop()).toBe(0);
    const moved = await dev('[::1]:0');
    expect(moved.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect(await issuersNamed(moved.url, 'two')).toContain(`${moved.url}/ca/issuer.der`);
    expect(await moved.stop()).toBe(0);
  }, 120_000);
});

describe('serve', () => {
  beforeAll(async () => {
    const { stop } = await dev('127.0.0.1:0');
    await stop();
  }, 60_000);

  it('answers with a head that clients accept after a log was stopped for an hour', async () => {
    box.shiftClock(HOUR_MS);
    const server = await box.serve(...log, '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0');
    expect((await box.run('lookup', 'nobody@example.com', '--server', server.url)).code).toBe(3);
    await vi.waitFor(() => expect(server.output()).toContain('operators'));
    const [, operators] = /^serving operators on (http:\S+)$/m.exec(server.output()) ?? [];
    expect(await (await fetch(`${operators}/metrics`)).text()).toContain('glasskey_writer');
    expect((await fetch(`${server.url}/metrics`)).status).toBe(404);
    expect(await server.stop()).toBe(0);
  }, 60_000);

  it('asks the operator to check the clock if the log was stopped for days', async () => {
    box.shiftClock(72 * HOUR_MS);
    const refused = await box.run('serve', ...log, '--listen', '127.0.0.1:0');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/--accept-clock-gap \(clock-skew\)$/m);
    const server = await box.serve(...log, '--listen', '127.0.0.1:0', '--accept-clock-gap');
    expect((await box.run('lookup', 'nobody@example.com', '--server', server.url)).code).toBe(3);
    // Two signals at once, as from a terminal and from npm, stop it once.
    process.kill(server.pid, 'SIGINT');
    process.kill(server.pid, 'SIGTERM');
    expect(await server.stop()).toBe(0);
    const taken = await box.serve(...log, '--listen', '127.0.0.1:0');
    const port = new URL(taken.url).port;
    await box.run('init', '--data', 'late');
    const late = await box.run(
      'serve',
      '--data',
      'late',
      '--database',
      await createTestDatabase(),
      '--listen',
      `127.0.0.1:${port}`,
    );
    expect([late.code, late.stderr.includes('EADDRINUSE')]).toEqual([1, true]);
    expect(await taken.stop()).toBe(0);
  }, 120_000);

  it('asks on a host that does not know what was signed, once', async () => {
    box.shiftClock(72 * HOUR_MS);
    const serve = (...more: string[]) => [...log, '--listen', '127.0.0.1:0', ...more];
    rmSync(box.path('dev', 'last-signed.checkpoint'));
    const refused = await box.run('serve', ...serve());
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/last-signed\.checkpoint is missing.*--accept-missing-checkpoint/s);
    for (const more of [['--accept-missing-checkpoint'], []]) {
      const server = await box.serve(...serve(...more));
      expect((await box.run('lookup', 'nobody@example.com', '--server', server.url)).code).toBe(3);
      expect(await server.stop()).toBe(0);
    }
  }, 120_000);
});
