import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { SignedTrustBundle } from '../../src/contract/trust-bundle.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { CliSandbox } from '../support/cli.ts';

const box = new CliSandbox();
afterAll(() => box.remove());

const DAY_MS = 86_400_000;
const bundleKey = (data: string): string =>
  (JSON.parse(readFileSync(box.path(data, 'trust.json'), 'utf8')) as SignedTrustBundle['bundle']).bundleKey;

describe('glasskey admin log end', () => {
  it('ends a log for ever: clients and auditors are told where it goes on, and nothing is registered', async () => {
    const args = ['--public-url', 'https://next.example', '--origin', 'next.example/2'];
    expect(await box.run('init', '--data', 'next', ...args)).toMatchObject({ code: 0 });
    const log = await box.logInPostgres('log');
    expect(await box.run('init', ...log, '--origin', 'log.example/1')).toMatchObject({ code: 0 });
    const before = await box.serve(...log, '--listen', '127.0.0.1:0');
    const token = ['--token-file', box.path('log', 'registration.token')];
    const register = (name: string, url: string) =>
      box.run('register', `${name}@example.com`, '--server', url, ...token, '--out', name);
    expect(await register('alice', before.url)).toMatchObject({ code: 0 });
    expect(await before.stop()).toBe(0);

    const end = (...more: string[]) => box.run('admin', 'log', 'end', ...log, ...more);
    expect(await end('--successor', 'log/trust.json')).toMatchObject({ code: 1 });
    const ended = await end('--successor', 'next/trust.json', '--reason', 'new keys', '--json');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(ended.stdout)).toMatchObject({ origin: 'log.example/1', released: true });
    const again = await end();
    expect(again).toMatchObject({ code: 1 });
    expect(again.stderr).toContain('(log-ended)');

    // Clients must still learn of the successor a year later.
    box.shiftClock(365 * DAY_MS);
    const after = await box.serve(...log, '--listen', '127.0.0.1:0');
    const at = ['--server', after.url, '--state', 'client'];
    const lookup = await box.run('lookup', 'nobody@example.com', ...at);
    expect(lookup, lookup.stderr).toMatchObject({ code: 3 });
    for (const said of ['new keys', 'next.example/2 at https://next.example', bundleKey('next')]) {
      expect(lookup.stderr).toContain(said);
    }
    const monitor = await box.run('monitor', 'alice@example.com', ...at);
    expect(monitor, monitor.stderr).toMatchObject({ code: 0 });
    expect(monitor.stderr).toContain('next.example/2');
    const audit = await box.run('audit', after.url, '--state', 'auditor', '--mirror', 'mirror', '--json');
    expect(audit, audit.stderr).toMatchObject({ code: 0 });
    const successor = { origin: 'next.example/2', bundleKey: bundleKey('next') };
    expect(JSON.parse(audit.stdout)).toMatchObject({ end: { reason: 'new keys', successor } });
    expect((await box.run('audit', after.url, '--state', 'auditor')).stdout).toContain('next.example/2');
    const served = await fetch(after.url + PATHS.logEnd);
    expect(readFileSync(box.path('mirror', 'log', 'end'))).toEqual(Buffer.from(await served.arrayBuffer()));
    const refused = await register('late', after.url);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain('(log-ended)');
    expect((await fetch(after.url + PATHS.ready)).status).toBe(200);
    expect(await after.stop()).toBe(0);
  }, 300_000);
});
