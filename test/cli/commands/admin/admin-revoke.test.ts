import { afterAll, expect, it } from 'vitest';
import { CliSandbox } from '../../../support/cli.ts';

const box = new CliSandbox();
afterAll(() => box.remove());

it('revokes as the operator, so that the owner and every contact see who did it', async () => {
  const data = await box.logInPostgres('server');
  expect((await box.run('init', ...data)).code).toBe(0);
  const { url, stop } = await box.serve(...data, '--listen', '127.0.0.1:0');
  const token = ['--token-file', box.path('server/registration.token')];
  const owner = ['--server', url, '--state', 'owner'];
  const contact = ['--server', url, '--state', 'contact'];
  const alice = 'alice@example.com';
  expect((await box.run('register', alice, ...owner, ...token, '--out', 'alice')).code).toBe(0);
  expect((await box.run('lookup', alice, ...contact)).code).toBe(0);

  const unsaid = await box.run('admin', 'revoke', alice, '--why', 'lost', ...data);
  expect([unsaid.code, unsaid.stderr]).toEqual([1, expect.stringMatching(/--serial, --key and --all \(usage\)/)]);
  const [listed] = JSON.parse((await box.run('admin', 'certificates', ...data, '--json')).stdout) as {
    readonly serial: string;
    readonly spkiSha256: string;
  }[];
  const why = ['--reason', 'keyCompromise', '--why', 'the phone was stolen'];
  const key = ['--key', (listed?.spkiSha256 ?? '').toUpperCase()];
  const revoked = await box.run('admin', 'revoke', alice, ...key, ...why, ...data);
  expect([revoked.code, revoked.stderr]).toEqual([0, '']);
  expect(revoked.stdout).toContain(`revoked ${listed?.serial} of ${alice}: version 1`);
  const again = await box.run('admin', 'revoke', alice, '--serial', listed?.serial ?? '', ...why, ...data);
  expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/^nothing to revoke: version 1 /)]);

  const seen = await box.run('lookup', alice, ...contact);
  expect(seen.stdout + seen.stderr).toContain('version 1 was made by the operator');
  const monitored = await box.run('monitor', ...owner, '--json');
  expect(monitored.stdout).toContain('unexpected-version');
  expect(monitored.stdout).toContain('operator');
  const csv = await box.run('admin', 'certificates', ...data, '--csv');
  expect(csv.stdout).toContain(`${listed?.serial},revoked,${alice},0,`);
  expect(csv.stdout).toContain(',keyCompromise,');
  const trail = await box.run('admin', 'trail', ...data);
  expect(trail.stdout).toMatch(/certificates-revoked {2}admin:\S+ .*the phone was stolen/);
  expect((await box.run('audit', url, '--state', 'auditor')).code).toBe(0);
  expect(await stop()).toBe(0);

  const nobody = await box.run('admin', 'revoke', 'bob@example.com', '--all', ...why, ...data);
  expect([nobody.code, nobody.stderr.includes('(identity-not-found)')]).toEqual([1, true]);
}, 240_000);
