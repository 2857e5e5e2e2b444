import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CliSandbox, type RunningCli } from '../support/cli.ts';

const NAME = 'alice@example.com';
const DAY_MS = 86_400_000;
const box = new CliSandbox();
let log: readonly string[];
let running: RunningCli;
let to: string[];

const token = ['--token-file', 'server/registration.token'];

async function serve(...more: string[]): Promise<void> {
  running = await box.serve(...log, '--listen', '127.0.0.1:0', ...more);
  to = ['--server', running.url, '--trust', 'server/trust.json'];
}

beforeAll(async () => {
  log = await box.logInPostgres('server');
  expect((await box.run('init', ...log, '--recovery-delay', '2d')).code).toBe(0);
  await serve();
}, 180_000);
afterAll(() => box.remove());

it('a recovery is shown, vetoed, asked for again, and completed after its delay, also across restarts', async () => {
  expect((await box.run('register', NAME, ...to, ...token, '--out', 'old', '--state', 'owner')).code).toBe(0);
  expect((await box.run('lookup', NAME, ...to, '--state', 'contact')).code).toBe(0);

  const asked = await box.run('recover', NAME, ...to, ...token, '--out', 'new');
  expect([asked.code, asked.stdout]).toEqual([0, expect.stringMatching(/takes effect after \d{4}-/)]);
  const seen = await box.run('lookup', NAME, ...to, '--state', 'contact');
  expect(seen.stdout).toContain('RECOVERY PENDING: somebody, vouched for by the application');
  const monitored = await box.run('monitor', NAME, ...to, '--state', 'owner');
  expect([monitored.code, monitored.stdout]).toEqual([2, expect.stringContaining(`glasskey veto ${NAME}`)]);
  expect(monitored.stderr).toContain('it can take effect 2 days later');

  const vetoed = await box.run('veto', NAME, ...to, '--credentials', 'old', '--state', 'owner', '--json');
  expect(vetoed.code).toBe(0);
  expect(JSON.parse(vetoed.stdout)).not.toHaveProperty('pending');
  const twice = await box.run('veto', NAME, ...to, '--credentials', 'old');
  // As after a lost answer: it finds what was done.
  expect([twice.code, twice.stdout]).toEqual([0, expect.stringContaining('version 2')]);
  const without = await box.run('recover', NAME, ...to, '--out', 'new');
  expect([without.code, without.stderr]).toEqual([1, expect.stringContaining('(unauthenticated)')]);

  const again = await box.run('recover', NAME, ...to, ...token, '--out', 'new', '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ state: 'pending', version: 3, pending: { evidence: {} } });
  expect(await running.stop()).toBe(0);
  const listed = await box.run('admin', 'recovery', 'list', ...log, '--json');
  expect(listed.code).toBe(0);
  const key = /^[0-9a-f]{64}$/;
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { identity: NAME, state: 'waiting', key: expect.stringMatching(key) },
  ]);
  const grant = ['admin', 'recovery', 'grant', NAME, '--reason', 'why', ...log];
  expect(await box.run(...grant)).toMatchObject({ code: 1, stderr: expect.stringContaining('--key') });
  const [{ key: shown }] = JSON.parse(listed.stdout) as [{ key: string }];
  const short = await box.run(...grant, '--key', shown.slice(0, 16));
  expect(short).toMatchObject({ code: 1, stderr: expect.stringContaining('64 hexadecimal digits') });
  const typed = shown.toUpperCase().replaceAll(/(..)(?=.)/g, '$1:');
  const early = await box.run(...grant, '--key', typed);
  expect(early).toMatchObject({ code: 1, stderr: expect.stringContaining('(not-found)') });

  box.shiftClock(3 * DAY_MS);
  await serve('--accept-clock-gap');
  const done = await box.run('recover', NAME, ...to, '--out', 'new', '--wait');
  expect([done.code, done.stdout]).toEqual([0, expect.stringContaining('certificate written to')]);
  expect(readFileSync(box.path('new/certificate.pem'), 'utf8')).toContain('BEGIN CERTIFICATE');
  const after = await box.run('lookup', NAME, ...to, '--state', 'contact', '--json');
  expect(JSON.parse(after.stdout)).toMatchObject({ version: 4, change: { type: 'recovery' } });
  expect(JSON.parse(after.stdout)).toMatchObject({ alerts: [{ type: 'recovery', version: 4 }] });
  const history = await box.run('history', NAME, ...to, '--state', 'contact');
  expect(history.stdout).toContain('recovery, after its delay');
}, 240_000);
