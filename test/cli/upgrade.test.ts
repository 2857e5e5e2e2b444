import { cpSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { CliSandbox } from '../support/cli.ts';
import { makeNextRelease } from '../support/next-release.ts';

const next = makeNextRelease();
const old = new CliSandbox();
const newer = new CliSandbox(next.program, old.folder);
afterAll(async () => {
  await newer.remove();
  await old.remove();
  next.remove();
});

it('two neighbouring releases serve one database, until an administrator finishes the upgrade', async () => {
  const [, , ...database] = await old.logInPostgres('unused');
  const [first, second] = [
    ['--data', 'first', ...database],
    ['--data', 'second', ...database],
  ];
  const anyPort = ['--listen', '127.0.0.1:0'];
  expect((await old.run('init', ...first)).code).toBe(0);
  const older = await old.serve(...first, ...anyPort);
  const token = ['--token-file', old.path('first/registration.token')];
  const register = async (box: CliSandbox, url: string, name: string): Promise<void> => {
    const identity = `${name}@example.com`;
    const done = await box.run(
      'register',
      identity,
      '--server',
      url,
      '--state',
      `own-${name}`,
      ...token,
      '--out',
      name,
    );
    expect(done).toMatchObject({ code: 0 });
  };
  const lookup = async (box: CliSandbox, url: string, name: string): Promise<void> => {
    const found = await box.run('lookup', `${name}@example.com`, '--server', url, '--state', `see-${name}`);
    expect(found).toMatchObject({ code: 0 });
  };
  await register(old, older.url, 'alice');

  // Nothing that only reads migrates. The first step: the newer release does, beside the older one, which goes on.
  cpSync(old.path('first'), old.path('second'), { recursive: true });
  for (const command of [
    ['identities'],
    ['token', 'list'],
    ['trail'],
    ['recovery', 'list'],
    ['upgrade'],
    ['seal-rows'],
  ]) {
    const refused = await newer.run('admin', ...command, ...second);
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toMatch(
      /schema of the database is .*needs \d{4}_next_release.*docs\/upgrade\.md.*\(storage-failed\)/,
    );
  }
  expect((await newer.run('admin', 'status', ...second)).stdout).toMatch(
    /^schema .*; the next start of this program brings it to \d{4}_next_release$/m,
  );
  let latest = await newer.serve(...second, ...anyPort);
  await register(old, older.url, 'bob');
  await register(newer, latest.url, 'carol');
  await lookup(old, older.url, 'carol');
  await lookup(newer, latest.url, 'bob');
  expect((await newer.run('admin', 'status', ...second)).stdout).toMatch(
    /^schema +\d{4}_next_release, rows in format 2$/m,
  );
  expect((await old.run('admin', 'status', ...first)).stdout).toMatch(
    /^schema +newer than .*an upgrade is under way$/m,
  );
  expect((await old.run('doctor', ...first)).stdout).toMatch(/^WARN +database schema /m);
  const waiting = await newer.run('admin', 'upgrade', ...second);
  expect([waiting.code, waiting.stdout]).toEqual([0, expect.stringContaining('upgrade --finish')]);
  // An older server that fails meanwhile can start again.
  expect(await older.stop()).toBe(0);
  const restarted = await old.serve(...first, ...anyPort);
  await register(old, restarted.url, 'dave');
  await lookup(newer, latest.url, 'dave');

  // The second step: an administrator finishes, and the older one refuses to start.
  expect(await restarted.stop()).toBe(0);
  const finished = await newer.run('admin', 'upgrade', '--finish', ...second);
  expect([finished.code, finished.stdout]).toEqual([0, expect.stringContaining('restart every server')]);
  const refused = await old.run('serve', ...first, ...anyPort);
  expect([refused.code, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toMatch(/format of the database is 3.*knows 2.*docs\/upgrade\.md.*\(storage-failed\)/);
  expect((await old.run('doctor', ...first)).stdout).toMatch(/^FAIL +database schema /m);
  expect(await latest.stop()).toBe(0);
  latest = await newer.serve(...second, ...anyPort);
  await register(newer, latest.url, 'erin');
  await lookup(newer, latest.url, 'alice');
  expect((await newer.run('audit', latest.url, '--state', 'auditor')).code).toBe(0);
  expect(latest.errors()).not.toContain('"level":"error"');
  expect(await latest.stop()).toBe(0);
}, 360_000);
