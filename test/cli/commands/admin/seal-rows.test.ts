import { readFileSync, writeFileSync } from 'node:fs';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CliSandbox, type RunningCli } from '../../../support/cli.ts';

const box = new CliSandbox();
let log: readonly string[];
let sql: postgres.Sql;
let running: RunningCli;

const register = (name: string) =>
  box.run('register', name, '--server', running.url, '--token-file', 'server/registration.token', '--out', name);

beforeAll(async () => {
  log = await box.logInPostgres('server');
  sql = postgres(log[3] ?? '', { max: 1, onnotice: () => undefined });
  expect((await box.run('init', ...log)).code).toBe(0);
}, 180_000);
afterAll(async () => {
  await sql.end();
  await box.remove();
});

it('lists what each unsealed row authorises, seals exactly that, and a running server learns of it', async () => {
  running = await box.serve(...log, '--listen', '127.0.0.1:0');
  expect((await register('alice@example.com')).code).toBe(0);
  expect(await running.stop()).toBe(0);
  // As an older program left them.
  const { rows: _, ...marker } = JSON.parse(readFileSync(box.path('server/log.json'), 'utf8')) as { rows: string };
  writeFileSync(box.path('server/log.json'), JSON.stringify(marker));
  await sql`update tokens set mac = null, name = ${'first\u001b[2Jtoken'}`;
  running = await box.serve(...log, '--listen', '127.0.0.1:0');
  expect((await register('bob@example.com')).code).toBe(0);

  const listed = await box.run('admin', 'seal-rows', ...log);
  expect(listed.code).toBe(0);
  expect(listed.stdout).toMatch(
    /^tokens 1: application token first \[2Jtoken, made 2\d{3}-.*Z\n1 rows without a seal, /,
  );
  const digest = /--finish ([0-9a-f]{32})\n/.exec(listed.stdout)?.[1] ?? '';
  expect(await box.run('admin', 'seal-rows', '--finish', ...log)).toMatchObject({ code: 1 });
  await sql`update tokens set created_ms = created_ms + 1`;
  const changed = await box.run('admin', 'seal-rows', '--finish', digest, ...log);
  expect([changed.code, changed.stderr]).toEqual([1, expect.stringContaining('(rows-changed)')]);
  await sql`update tokens set created_ms = created_ms - 1`;
  const sealed = await box.run('admin', 'seal-rows', '--finish', digest, '--json', ...log);
  expect([sealed.code, JSON.parse(sealed.stdout)]).toEqual([0, { rows: [expect.anything()], digest }]);
  expect((await register('carol@example.com')).code).toBe(0);

  await sql`update tokens set mac = null`;
  const refused = await register('dave@example.com');
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('(unsealed-row)')]);
  expect(await running.stop()).toBe(0);
  const trail = await box.run('admin', 'trail', '--json', ...log);
  expect(JSON.parse(trail.stdout)).toContainEqual(
    expect.objectContaining({ act: 'rows-sealed', detail: `why="1 rows, digest ${digest}"` }),
  );
}, 240_000);
