import { chmodSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { CliSandbox } from '../../../support/cli.ts';

const box = new CliSandbox();
afterAll(() => box.remove());

it('admin status and doctor look at a log beside its server', async () => {
  const data = await box.logInPostgres('server');
  expect((await box.run('init', ...data)).code).toBe(0);
  const { url, pid, stop } = await box.serve(...data, '--listen', '127.0.0.1:0');
  const status = await box.run('admin', 'status', ...data);
  expect([status.code, status.stderr]).toEqual([0, '']);
  expect(status.stdout).toMatch(
    /^what +status\nprogram +\d+\.\d+\.\d+\S*\nschema +\d{4}_\w+, rows in format 2\ndatabase +PostgreSQL\n/,
  );
  expect(status.stdout).toMatch(new RegExp(`^writer +\\S+ pid ${pid}.*, since .* ago$`, 'm'));
  expect(status.stdout).toMatch(/^queue +0 waiting$/m);
  const { head, released, ...json } = JSON.parse((await box.run('admin', 'status', ...data, '--json')).stdout) as {
    head: { ageSeconds: number };
    released: unknown;
  };
  expect(json).toMatchObject({
    database: 'postgres',
    queue: { waiting: 0, oldest: null },
    auditor: null,
    witnesses: [],
  });
  expect(json).toMatchObject({ schema: { relation: 'same' }, writer: { server: expect.stringContaining(`${pid}`) } });
  expect(released).toMatchObject({ lagEntries: 0 });
  expect(head.ageSeconds).toBeLessThan(600);

  const healthy = await box.run('doctor', ...data, '--listen', new URL(url).host);
  expect([healthy.code, healthy.stderr]).toEqual([0, '']);
  expect(healthy.stdout).toMatch(/^state +check +finding +next\n/);
  expect(healthy.stdout).toMatch(/ 0 failed, \d warnings\n$/);
  chmodSync(box.path('server/keys/vrf.pem'), 0o640);
  const ill = await box.run('doctor', ...data, '--listen', new URL(url).host);
  expect([ill.code, ill.stdout]).toEqual([1, expect.stringMatching(/^FAIL +key files .*vrf\.pem +chmod 600 /m)]);
  expect(await stop()).toBe(0);
  const later = await box.run('admin', 'status', ...data);
  expect(later.stdout).toMatch(/^writer +none: no server appends/m);
}, 240_000);

it('admin status says that a server holds the embedded database', async () => {
  const data = ['--data', 'embedded'];
  expect((await box.run('init', ...data)).code).toBe(0);
  const { stop } = await box.serve(...data, '--embedded', '--listen', '127.0.0.1:0');
  const busy = await box.run('admin', 'status', ...data);
  expect([busy.code, busy.stderr.includes('(storage-locked)')]).toEqual([1, true]);
  expect(await stop()).toBe(0);
  const status = await box.run('admin', 'status', ...data);
  expect([status.code, status.stdout]).toEqual([0, expect.stringMatching(/^writer +none: no server runs$/m)]);
}, 240_000);
