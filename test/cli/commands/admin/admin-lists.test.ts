import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliSandbox } from '../../../support/cli.ts';

const box = new CliSandbox();
let data: readonly string[];

beforeAll(async () => {
  data = await box.logInPostgres('server');
  expect((await box.run('init', ...data)).code).toBe(0);
  const { url, stop } = await box.serve(...data, '--listen', '127.0.0.1:0');
  const token = ['--token-file', box.path('server/registration.token')];
  for (const name of ['alice', 'bob']) {
    const registered = await box.run('register', `${name}@example.com`, '--server', url, ...token, '--out', name);
    expect(registered.code).toBe(0);
  }
  expect((await box.run('revoke', 'bob@example.com', '--server', url, '--credentials', 'bob')).code).toBe(0);
  expect(await stop()).toBe(0);
}, 120_000);
afterAll(() => box.remove());

const json = (text: string): Record<string, unknown>[] => JSON.parse(text) as Record<string, unknown>[];

describe('glasskey admin', () => {
  it('lists, searches and exports identities and certificates', async () => {
    const identities = await box.run('admin', 'identities', ...data, '--json');
    expect(
      json(identities.stdout).toSorted((a, b) => (String(a['identity']) < String(b['identity']) ? -1 : 1)),
    ).toEqual([
      { identity: 'alice@example.com', versions: 1, labelKey: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      { identity: 'bob@example.com', versions: 2, labelKey: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    ]);
    const all = json((await box.run('admin', 'certificates', ...data, '--json')).stdout);
    expect(new Map(all.map((one) => [one['identity'], one['status']]))).toEqual(
      new Map([
        ['alice@example.com', 'valid'],
        ['bob@example.com', 'revoked'],
      ]),
    );
    const csv = await box.run('admin', 'certificates', ...data, '--csv', '--status', 'revoked');
    const [names, row, ...rest] = csv.stdout.split('\r\n');
    expect(names).toBe('serial,status,identity,version,notBefore,notAfter,revoked,reason,spkiSha256');
    expect(row).toMatch(/^[0-9a-f]{32,40},revoked,bob@example\.com,0,.*,unspecified,[0-9a-f]{64}$/);
    expect(rest).toEqual(['']);
    const one = await box.run('admin', 'certificates', ...data, '--identity', 'Alice@example.com');
    expect(one.stdout).toMatch(/^serial {2}status .*\n[0-9a-f]{32,40} {2}valid {2}alice@example\.com {2}0 /);
    const search = await box.run('admin', 'identities', ...data, '--search', 'bob', '--csv');
    expect(search.stdout).toMatch(/^identity,versions,labelKey\r\nbob@example\.com,2,[0-9a-f]{64}\r\n$/);
  }, 240_000);

  it('shows a certificate by its serial', async () => {
    const [listed] = json((await box.run('admin', 'certificates', ...data, '--json', '--search', 'alice')).stdout);
    const serial = String(listed?.['serial']);
    const shown = await box.run('admin', 'certificate', serial.toUpperCase(), ...data);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/^serial: [0-9a-f]+\nstatus: valid\nidentity: alice@example\.com\n/);
    expect(shown.stdout).toContain('BEGIN CERTIFICATE');
    const unknown = await box.run('admin', 'certificate', 'abcd', ...data);
    expect([unknown.code, unknown.stderr.includes('(no-such-certificate)')]).toEqual([1, true]);
    const bad = await box.run('admin', 'certificate', '../x', ...data);
    expect([bad.code, bad.stderr.includes('(value-out-of-range)')]).toEqual([1, true]);
  }, 240_000);

  it('heads every table with the names of its columns', async () => {
    const heads: [string[], RegExp][] = [
      [['certificates'], /^serial {2}status {2}identity /],
      [['identities'], /^identity {2}versions {2}labelKey\n/],
      [['token', 'list'], /^id {2}state {2}name\n1 {3}valid {2}registration\n$/],
      [['trail'], /^record {2}at {2}act {2}who /],
      [['recovery', 'list'], /^identity {2}state /],
    ];
    for (const [command, head] of heads) {
      const listed = await box.run('admin', ...command, ...data);
      expect([listed.code, listed.stderr, listed.stdout]).toEqual([0, '', expect.stringMatching(head)]);
    }
  }, 240_000);
});
