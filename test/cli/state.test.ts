import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliSandbox } from '../support/cli.ts';

const box = new CliSandbox();
let log: readonly string[];
let url: string;

beforeAll(async () => {
  log = await box.logInPostgres('server');
  expect(await box.run('init', ...log)).toMatchObject({ code: 0 });
  ({ url } = await box.serve(...log, '--listen', '127.0.0.1:0'));
  const made = await register('alice');
  expect(made, made.stderr).toMatchObject({ code: 0 });
  writeFileSync(box.path('passphrase'), 'correct horse battery staple\n');
  writeFileSync(box.path('wrong'), 'wrong horse battery staple\n');
}, 240_000);
afterAll(() => box.remove());

function register(name: string) {
  const token = ['--token-file', box.path('server/registration.token')];
  return box.run('register', `${name}@example.com`, '--server', url, ...token, '--out', name, '--state', 'a');
}

const passphrase = ['--passphrase-file', 'passphrase'];
const state = (...args: string[]) => box.run('state', ...args, ...passphrase);
const stateText = (folder: string): string => readFileSync(box.path(folder, 'state.json'), 'utf8');

describe('glasskey state', () => {
  it('carries what a client knows to another folder', async () => {
    const sealed = await state('export', 'first.sealed', '--state', 'a');
    expect(sealed, sealed.stderr).toMatchObject({ code: 0 });
    expect(statSync(box.path('first.sealed')).mode & 0o777).toBe(0o600);
    const text = readFileSync(box.path('first.sealed'), 'utf8');
    expect(text).toMatch(/^-----BEGIN GLASSKEY SEALED STATE-----\n/);
    const opened = await state('import', 'first.sealed', '--state', 'b', '--json');
    expect(opened, opened.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(opened.stdout)).toMatchObject({ owned: 1, lost: [] });
    expect(stateText('b')).toBe(stateText('a'));
    expect(statSync(box.path('b/state.json')).mode & 0o777).toBe(0o600);
    const monitored = await box.run('monitor', '--server', url, '--state', 'b');
    expect(monitored, monitored.stderr).toMatchObject({ code: 0 });
    expect(monitored.stdout).toContain('alice@example.com');
  }, 60_000);

  it('does not take the place of what knows more, unless told', async () => {
    const grown = await register('bob');
    expect(grown, grown.stderr).toMatchObject({ code: 0 });
    const before = stateText('a');
    const refused = await state('import', 'first.sealed', '--state', 'a');
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain('(state-knows-more)');
    expect(stateText('a')).toBe(before);
    const forced = await state('import', 'first.sealed', '--state', 'a', '--overwrite');
    expect(forced).toMatchObject({ code: 0 });
    expect(forced.stderr).toMatch(/^lost: /m);
  }, 60_000);

  it.each([
    [
      'a wrong passphrase',
      ['import', 'first.sealed', '--state', 'c', '--passphrase-file', 'wrong'],
      'wrong-passphrase',
    ],
    ['a file that is no sealed state', ['import', 'passphrase', '--state', 'c', ...passphrase], 'usage'],
    ['a file that is not there', ['import', 'none', '--state', 'c', ...passphrase], 'usage'],
    ['a file that is there already', ['export', 'first.sealed', '--state', 'a', ...passphrase], 'usage'],
    ['a folder without state', ['export', 'empty.sealed', '--state', 'nowhere', ...passphrase], 'usage'],
    ['neither folder nor server', ['export', 'empty.sealed', ...passphrase], 'usage'],
    ['no terminal and no file of the passphrase', ['export', 'empty.sealed', '--state', 'a'], 'usage'],
    ['a passphrase as an argument', ['export', 'empty.sealed', '--state', 'a', '--passphrase', 'x'], 'usage'],
  ])('refuses %s', async (_, args, code) => {
    const result = await box.run('state', ...args);
    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toContain(`(${code})`);
  });
});
