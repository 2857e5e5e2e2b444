import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CliSandbox } from '../support/cli.ts';
import { createEmptyDatabase, tablesOf } from '../support/postgres.ts';

const box = new CliSandbox();
let database: string;
beforeAll(async () => {
  database = await createEmptyDatabase();
  expect((await box.run('init', '--data', 'log', '--origin', 'log.example/1')).code).toBe(0);
}, 30_000);
afterAll(() => box.remove());

const LOOPBACK = ['--listen', '127.0.0.1:0'];

it('an admin command creates no log, no database and no folder', async () => {
  const list = (...more: string[]) => box.run('admin', 'token', 'list', ...more);
  const before = readdirSync(box.path('log'));
  const nowhere = await list('--data', 'nowhere');
  expect([nowhere.code, existsSync(box.path('nowhere'))]).toEqual([1, false]);
  const undecided = await list('--data', 'log');
  expect([undecided.code, undecided.stderr]).toEqual([1, expect.stringContaining('has no log yet')]);
  const empty = await list('--data', 'log', '--database', database);
  expect([empty.code, empty.stderr]).toEqual([1, expect.stringContaining('does not hold the log')]);
  expect(await tablesOf(database)).toBe(0);
  expect(readdirSync(box.path('log'))).toEqual(before);
}, 60_000);

it('serve wants a database to be named, or --embedded', async () => {
  const undecided = await box.run('serve', '--data', 'log', ...LOOPBACK);
  expect([undecided.code, undecided.stderr]).toEqual([1, expect.stringMatching(/GLASSKEY_DATABASE.*--embedded/)]);
  expect(existsSync(box.path('log/db'))).toBe(false);
}, 60_000);

it('serve tries its port before the database, and says whom to look for', async () => {
  const other = createServer();
  await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
  const { port } = other.address() as AddressInfo;
  const address = ['--listen', `127.0.0.1:${port}`];
  const taken = await box.run('serve', '--data', 'log', '--database', database, ...address);
  expect([taken.code, taken.stderr]).toEqual([1, expect.stringContaining(`"ss -ltnp sport = :${port}"`)]);
  const dev = await box.run('serve', '--dev', '--data', 'fresh', ...address);
  expect([dev.code, existsSync(box.path('fresh'))]).toEqual([1, false]);
  other.close();
  expect(await tablesOf(database)).toBe(0);
}, 60_000);

it('the password of the database is in no argument, file or line that others see', async () => {
  const secret = 'hunter2';
  const url = new URL(database);
  url.password = secret;
  box.variables['GLASSKEY_DATABASE'] = url.href;
  const server = await box.serve('--data', 'log', ...LOOPBACK);
  expect(readFileSync(`/proc/${server.pid}/cmdline`, 'utf8')).not.toContain(secret);
  expect(await server.stop()).toBe(0);
  delete box.variables['GLASSKEY_DATABASE'];
  expect(readFileSync(box.path('log/log.json'), 'utf8')).toContain(database);

  const listed = await box.run('admin', 'token', 'list', '--data', 'log');
  expect([listed.code, listed.stderr]).toEqual([0, '']);
  writeFileSync(box.path('log/glasskey.toml'), `[database]\nurl = "${url.href}"\n`);
  const again = await box.run('admin', 'token', 'list', '--data', 'log');
  expect([again.code, again.stderr]).toEqual([0, '']);
  const warned = await box.run('admin', 'token', 'list', '--data', 'log', '--database', url.href);
  expect([warned.code, warned.stderr]).toEqual([0, expect.stringContaining('see the password in --database')]);
  const loud = await box.serve('--data', 'log', '--database', url.href, ...LOOPBACK);
  expect(await loud.stop()).toBe(0);
  expect(loud.errors()).toContain('see the password in --database');

  // An unreachable server, an unknown database, and texts that a parser would quote.
  box.variables['GLASSKEY_DEBUG'] = '1';
  const bad = [
    `postgres://me:${secret}@127.0.0.1:1/x`,
    `${url.href}-unknown`,
    `postgres://me:${secret}%zz@127.0.0.1:1/x`,
    `postgres://me:${secret}@127.0.0.1:99999/x`,
    `postgres://me:${secret}/x@127.0.0.1/x`,
  ];
  const failed = await Promise.all(
    bad.map((text) => box.run('admin', 'token', 'list', '--data', 'log', '--database', text)),
  );
  delete box.variables['GLASSKEY_DEBUG'];
  expect(failed.map(({ code }) => code)).toEqual(bad.map(() => 1));
  for (const { stdout, stderr } of [...failed, warned]) expect(stdout + stderr).not.toContain(secret);
  expect(server.errors() + loud.errors()).not.toContain(secret);
}, 120_000);

it('init says what certificates lack without a public URL', async () => {
  const silent = await box.run('init', '--data', 'public', '--public-url', 'https://keys.example');
  expect([silent.code, silent.stdout.includes('--public-url')]).toEqual([0, false]);
  const told = await box.run('init', '--data', 'lacking');
  expect([told.code, told.stdout]).toEqual([0, expect.stringMatching(/--public-url.*no CRL, no OCSP responder/)]);
}, 60_000);
