import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CliSandbox } from '../../../support/cli.ts';

const box = new CliSandbox();
// The embedded database: nobody but the command appends to it.
const data = ['--data', 'server'];

const json = (text: string): Record<string, unknown>[] => JSON.parse(text) as Record<string, unknown>[];

beforeAll(async () => {
  expect((await box.run('init', ...data)).code).toBe(0);
  const { url, stop } = await box.serve(...data, '--embedded', '--listen', '127.0.0.1:0');
  const token = ['--token-file', box.path('server/registration.token')];
  for (const name of ['alice', 'bob']) {
    const registered = await box.run('register', `${name}@example.com`, '--server', url, ...token, '--out', name);
    expect(registered.code).toBe(0);
  }
  expect((await box.run('revoke', 'bob@example.com', '--server', url, '--credentials', 'bob')).code).toBe(0);
  expect(await stop()).toBe(0);
}, 120_000);
afterAll(() => box.remove());

it('erases a person, with a receipt, and keeps a trail of it', async () => {
  const trust = ['--trust', box.path('server/trust.json')];
  const noted = await box.run('admin', 'trail', '--anchor', 'end.txt', ...data);
  expect([noted.code, noted.stdout]).toEqual([0, expect.stringMatching(/^verified: \d+ acts in \d+ records, up to /)]);
  const erased = await box.run('admin', 'erase', 'bob@example.com', '--out', 'receipt.txt', ...data);
  expect([erased.code, erased.stderr]).toEqual([0, '']);
  const receipt = await box.run('admin', 'receipt', 'receipt.txt', ...trust);
  expect([receipt.code, receipt.stdout]).toEqual([0, expect.stringMatching(/^verified: bob@example\.com was erased/)]);
  writeFileSync(box.path('forged.txt'), readFileSync(box.path('receipt.txt'), 'utf8').replace('bob@', 'rob@'));
  const forged = await box.run('admin', 'receipt', 'forged.txt', ...trust);
  expect([forged.code, forged.stderr.includes('(bad-signature)')]).toEqual([2, true]);

  const acts = json((await box.run('admin', 'trail', '--json', ...data)).stdout);
  expect(acts.map(({ act }) => act)).toEqual([
    'token-created',
    'certificate-issued',
    'certificate-issued',
    'certificates-revoked',
    'identity-erased',
  ]);
  expect(acts[4]?.['who']).toMatch(/^admin:./);
  expect(JSON.stringify(acts)).not.toContain('@example.com');
  const later = await box.run('admin', 'trail', '--since', '2999-01-01', '--csv', ...data);
  expect(later.stdout.split('\r\n')).toHaveLength(2);
  expect((await box.run('admin', 'trail', '--anchor', 'end.txt', ...data)).code).toBe(0);
  writeFileSync(box.path('other.txt'), `3 ${'ab'.repeat(32)}\n`);
  const other = await box.run('admin', 'trail', '--anchor', 'other.txt', ...data);
  expect([other.code, other.stderr.includes('(trail-broken)')]).toEqual([2, true]);

  const { url, stop } = await box.serve(...data, '--embedded', '--listen', '127.0.0.1:0');
  const lookup = await box.run('lookup', 'bob@example.com', '--server', url, '--state', 'contact', '--json');
  // All was revoked before: there was nothing left that could say so in the log.
  expect([lookup.code, lookup.stderr.includes('(erased)')]).toEqual([1, true]);
  expect((await box.run('audit', url, '--state', 'auditor')).code).toBe(0);
  expect(await stop()).toBe(0);
  expect(await box.run('admin', 'erase', 'alice@example.com', '--out', 'alice.txt', ...data)).toMatchObject({
    code: 0,
  });
  const again = await box.serve(...data, '--embedded', '--listen', '127.0.0.1:0');
  const proved = await box.run('lookup', 'alice@example.com', '--server', again.url, '--state', 'contact', '--json');
  expect([proved.code, proved.stderr.includes('(erased)')]).toEqual([1, true]);
  expect(JSON.parse(proved.stdout)).toMatchObject({ erased: true, certificates: [] });
  expect((await box.run('audit', again.url, '--state', 'auditor')).code).toBe(0);
  expect(await again.stop()).toBe(0);
}, 240_000);
