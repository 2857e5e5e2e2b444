import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { CliSandbox } from '../support/cli.ts';
import { createEmptyDatabase, createTestDatabase, tablesOf } from '../support/postgres.ts';

const box = new CliSandbox();
afterAll(() => box.remove());

const init = (data: string, ...more: string[]) => box.run('init', '--data', data, ...more);
const read = (path: string): string => readFileSync(box.path(path), 'utf8');
const LOOPBACK = ['--listen', '127.0.0.1:0'];

describe('init', () => {
  it('goes on after a crash in the middle, with the keys and the name that are there', async () => {
    expect((await init('crashed', '--origin', 'crashed.example')).code).toBe(0);
    const before = read('crashed/keys/root.pem');
    for (const lost of ['glasskey.json', 'trust.json', 'registration.token', 'ca/issuer.pem', 'keys/vrf.pem']) {
      rmSync(box.path('crashed', lost));
    }
    writeFileSync(box.path('crashed/keys/vrf.pem.tmp'), '-----BEGIN ENCR', { mode: 0o600 });

    const other = await init('crashed', '--origin', 'another.example');
    expect([other.code, other.stderr]).toEqual([
      1,
      'glasskey: this folder already has the origin crashed.example (usage)\n',
    ]);
    const kind = await init('crashed', '--ca-key', 'p384');
    expect([kind.code, kind.stderr]).toEqual([1, 'glasskey: this folder already has keys for --ca-key p256 (usage)\n']);

    const again = await init('crashed', '--json');
    expect([again.code, again.stderr]).toEqual([0, '']);
    expect(JSON.parse(again.stdout)).toEqual({
      origin: 'crashed.example',
      token: 'crashed/registration.token',
      trust: 'crashed/trust.json',
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(read('crashed/keys/root.pem')).toBe(before);
    expect(readdirSync(box.path('crashed/keys')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect((await init('crashed')).code).toBe(1);
    const server = await box.serve('--data', 'crashed', '--database', await createTestDatabase(), ...LOOPBACK);
    expect(await server.stop()).toBe(0);
  }, 120_000);

  it('that runs twice at once makes one log', async () => {
    const both = await Promise.all([init('twice'), init('twice')]);
    const told = both.map(({ stderr }) => stderr).join('');
    expect(
      both.map(({ code }) => code).toSorted((a, b) => a - b),
      told,
    ).toEqual([0, 1]);
    // The other run waits for the lock, but not for long: on a busy machine it gives up first.
    expect(told).toMatch(/twice is (?:already initialised \(usage\)|in use by process \d+ \(storage-locked\))/);
  }, 60_000);

  it('creates the log in a database where told, which is then the only one for it', async () => {
    const database = await createTestDatabase();
    expect((await init('placed', '--database', database)).code).toBe(0);
    expect(existsSync(box.path('placed/db'))).toBe(false);
    const other = await createEmptyDatabase();
    for (const place of [['--embedded'], ['--database', other]]) {
      const elsewhere = await box.run('serve', '--data', 'placed', ...place, ...LOOPBACK);
      expect([elsewhere.code, elsewhere.stderr.includes('a log must never be begun twice')]).toEqual([1, true]);
    }
    expect(existsSync(box.path('placed/db'))).toBe(false);
    expect(await tablesOf(other)).toBe(0);
    const server = await box.serve('--data', 'placed', ...LOOPBACK);
    expect((await box.run('lookup', 'nobody@example.com', '--server', server.url)).code).toBe(3);
    expect(await server.stop()).toBe(0);
  }, 120_000);

  it('takes a passphrase from the environment, and serve asks for it', async () => {
    box.variables['GLASSKEY_PASSPHRASE'] = 'correct horse';
    expect((await init('guarded')).code).toBe(0);
    expect(existsSync(box.path('guarded/passphrase'))).toBe(false);
    box.variables['GLASSKEY_PASSPHRASE'] = 'battery staple';
    const wrong = await box.run('serve', '--data', 'guarded', '--embedded', ...LOOPBACK);
    expect([wrong.code, wrong.stderr]).toEqual([1, 'glasskey: wrong passphrase or damaged key file (bad-key-file)\n']);
    delete box.variables['GLASSKEY_PASSPHRASE'];
    const missing = await box.run('serve', '--data', 'guarded', '--embedded', ...LOOPBACK);
    expect([missing.code, missing.stderr.includes('GLASSKEY_PASSPHRASE')]).toEqual([1, true]);
    expect(existsSync(box.path('guarded/passphrase'))).toBe(false);
  }, 60_000);

  it('takes a passphrase from a file that the environment names', async () => {
    const named = (path: string): void => void (box.variables['GLASSKEY_PASSPHRASE_FILE'] = box.path(path));
    writeFileSync(box.path('secret'), 'correct horse\n', { mode: 0o600 });
    writeFileSync(box.path('blank'), '\n');
    named('secret');
    expect((await init('filed')).code).toBe(0);
    expect(existsSync(box.path('filed/passphrase'))).toBe(false);
    const serving = ['serve', '--data', 'filed', '--database', await createTestDatabase(), ...LOOPBACK];
    const server = await box.serve(...serving.slice(1));
    expect(await server.stop()).toBe(0);
    for (const [path, reason] of [
      ['blank', 'is empty'],
      ['nowhere', 'cannot be read'],
    ] as const) {
      named(path);
      const refused = await box.run(...serving);
      expect([refused.code, refused.stderr.includes(reason)], path).toEqual([1, true]);
    }
    named('secret');
    box.variables['GLASSKEY_PASSPHRASE'] = 'correct horse';
    const both = await box.run(...serving);
    expect([both.code, both.stderr.includes('not both')]).toEqual([1, true]);
    delete box.variables['GLASSKEY_PASSPHRASE'];
    delete box.variables['GLASSKEY_PASSPHRASE_FILE'];
  }, 60_000);
});

describe('serve refuses', () => {
  it('keys and a bundle that are not of the log, and calls nobody a liar for it', async () => {
    expect((await init('mixed')).code).toBe(0);
    const serving = ['serve', '--data', 'mixed', ...LOOPBACK, '--database', await createTestDatabase()];
    const first = await box.serve(...serving.slice(1));
    expect(await first.stop()).toBe(0);
    const key = (name: string): string => box.path(`mixed/keys/${name}.pem`);
    renameSync(key('tree-head'), key('aside'));
    writeFileSync(key('tree-head'), readFileSync(key('bundle')), { mode: 0o600 });
    const keys = await box.run(...serving);
    expect([keys.code, keys.stderr.includes('(bad-key)'), keys.stderr.includes('evidence')]).toEqual([1, true, false]);
    renameSync(key('aside'), key('tree-head'));

    expect((await init('stranger')).code).toBe(0);
    writeFileSync(box.path('mixed/trust.json'), read('stranger/trust.json'));
    const bundle = await box.run(...serving);
    expect([bundle.code, bundle.stderr.includes('belongs to another log (usage)')]).toEqual([1, true]);
  }, 120_000);

  it.each([
    'nonsense',
    'mysql://u:hunter2@127.0.0.1/x',
    'postgres://:::u:hunter2@/x y',
    'postgres://u:hunter2@127.0.0.1:1/x',
  ])(
    'a database that is none, without telling its password: %s',
    async (database) => {
      if (!existsSync(box.path('spare'))) await init('spare');
      const result = await box.run('serve', '--data', 'spare', ...LOOPBACK, '--database', database);
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(/^glasskey: .* \((usage|storage-failed)\)$/m);
      expect(result.stderr).not.toContain('hunter2');
    },
    60_000,
  );
});
