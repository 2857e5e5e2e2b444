import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_MODULES, createProgram } from '../../src/cli/program.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { CliSandbox, PROGRAM } from '../support/cli.ts';
import { startDamagingProxy } from '../support/damaging-proxy.ts';

const box = new CliSandbox();
let url: string;
let token: string[];

beforeAll(async () => {
  const made = await box.run('init', '--data', 'server', '--public-url', 'https://keys.example');
  expect([made.code, made.stderr]).toEqual([0, '']);
  ({ url } = await box.serve('--data', 'server', '--embedded', '--listen', '127.0.0.1:0'));
  token = ['--token-file', box.path('server/registration.token')];
}, 240_000);
afterAll(() => box.remove());

const to = (): string[] => ['--server', url];
const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const mode = (path: string): number => statSync(path).mode & 0o777;

describe('the program', () => {
  it('is what package.json names, runnable with node', () => {
    const { bin } = json(readFileSync(join(PROGRAM, '../../../package.json'), 'utf8')) as { bin: { glasskey: string } };
    expect(bin.glasskey).toBe('dist/cli/main.js');
    expect(readFileSync(PROGRAM, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  it('has help with an example for every command', async () => {
    const helpOf = (command: Command): string => {
      let text = '';
      command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
      return text;
    };
    const names: string[] = [];
    const visit = (path: string, command: Command): void => {
      for (const below of command.commands) visit(`${path} ${below.name()}`, below);
      if (command.commands.length === 0) expect(helpOf(command)).toContain(`$ ${path}`);
      names.push(path);
    };
    visit('glasskey', await createProgram());
    for (const name of ['init', 'serve', 'trust', 'register', 'rotate', 'revoke', 'lookup', 'verify', 'audit']) {
      expect(names).toContain(`glasskey ${name}`);
    }
    expect(names.length).toBeGreaterThan(20);
  });

  it.each(COMMAND_MODULES.flatMap(([names]) => names))('loads nothing but what belongs to %s', async (name) => {
    const { commands } = await createProgram([name]);
    const [names] = COMMAND_MODULES.find(([own]) => own.includes(name))!;
    expect(commands.map((command) => command.name())).toEqual(names);
  });

  it('prints its help and ends with 0', async () => {
    const help = await box.run('lookup', '--help');
    expect([help.code, help.stderr, help.stdout.includes('$ glasskey lookup')]).toEqual([0, '', true]);
  });

  it.each([
    ['an unknown command', ['frobnicate']],
    ['an unknown flag', ['lookup', 'a@example.com', '--server', 'http://127.0.0.1:1', '--frob']],
    ['a missing argument', ['lookup', '--server', 'http://127.0.0.1:1']],
    ['a missing option', ['lookup', 'a@example.com']],
    ['a server that is no URL', ['lookup', 'a@example.com', '--server', 'nonsense']],
    ['a server that does not answer', ['lookup', 'a@example.com', '--server', 'http://127.0.0.1:1']],
    ['no data folder', ['serve', '--data', 'nowhere', '--embedded']],
    ['an address that is none', ['serve', '--data', 'server', '--listen', 'here']],
    ['an unknown suite', ['init', '--data', 'x', '--suite', 'rot13']],
    ['a folder that is initialised', ['init', '--data', 'server']],
    ['a folder that a server uses', ['serve', '--data', 'server', '--embedded', '--listen', '127.0.0.1:0']],
  ])('ends with 1 and one clear line for %s', async (_, args) => {
    const result = await box.run(...args);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/^glasskey: /m);
    expect(result.stderr).not.toMatch(/ {4}at |node_modules/);
  });
});

describe('files', () => {
  it('of the server are private, and keys are encrypted', () => {
    for (const name of readdirSync(box.path('server/keys'))) {
      const path = box.path('server/keys', name);
      expect([name, mode(path)]).toEqual([name, 0o600]);
      expect(readFileSync(path, 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    }
    expect(mode(box.path('server'))).toBe(0o700);
    expect(mode(box.path('server/registration.token'))).toBe(0o600);
    expect(mode(box.path('server/passphrase'))).toBe(0o600);
  });

  it('of a registration are a private key and a chain that openssl accepts', async () => {
    const result = await box.run('register', 'files@example.com', ...to(), ...token, '--out', 'files');
    expect([result.code, result.stderr.includes('on first use')]).toEqual([0, true]);
    expect(mode(box.path('files/key.pem'))).toBe(0o600);
    const pem = readFileSync(box.path('files/certificate.pem'), 'utf8');
    expect(pem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    writeFileSync(box.path('root.pem'), await (await fetch(`${url}/ca/root.pem`)).text());
    const text = execFileSync('openssl', [
      'x509',
      '-in',
      box.path('files/certificate.pem'),
      '-noout',
      '-text',
    ]).toString();
    expect(text).toContain('https://keys.example/crl/issuer/0.crl');
    expect(text).toContain('https://keys.example/ca/issuer.der');
  });
});

describe('registering', () => {
  it('gives the same certificate when asked again, and refuses another key', async () => {
    const register = (out: string) => box.run('register', 'again@example.com', ...to(), ...token, '--out', out);
    expect((await register('again')).code).toBe(0);
    const first = readFileSync(box.path('again/certificate.pem'), 'utf8');
    expect((await register('again')).code).toBe(0);
    expect(readFileSync(box.path('again/certificate.pem'), 'utf8')).toBe(first);
    const other = await register('other');
    expect(other.code).toBe(1);
    expect(other.stderr).toContain('(change-required)');
    expect(existsSync(box.path('other/key.pem'))).toBe(true);
    expect(existsSync(box.path('other/certificate.pem'))).toBe(false);
  });

  it('takes the CSR of a key that stays elsewhere', async () => {
    execFileSync('openssl', [
      'genpkey',
      '-algorithm',
      'EC',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-out',
      box.path('own.key'),
    ]);
    const san = 'subjectAltName=email:csr@example.com';
    const make = [
      'req',
      '-new',
      '-key',
      box.path('own.key'),
      '-subj',
      '/',
      '-addext',
      san,
      '-out',
      box.path('own.csr'),
    ];
    execFileSync('openssl', make);
    const result = await box.run('register', 'csr@example.com', ...to(), ...token, '--out', 'csr', '--csr', 'own.csr');
    expect(result.code).toBe(0);
    expect(existsSync(box.path('csr/key.pem'))).toBe(false);
    expect(existsSync(box.path('csr/certificate.pem'))).toBe(true);
  });

  it('refuses a wrong token, an empty token file and an identity that is none', async () => {
    writeFileSync(box.path('wrong.token'), `gkt_${'x'.repeat(43)}\n`);
    writeFileSync(box.path('empty.token'), '');
    const bad = (identity: string, file: string) =>
      box.run('register', identity, ...to(), '--token-file', file, '--out', 'bad');
    for (const [identity, file, code] of [
      ['bad@example.com', 'wrong.token', 'unauthenticated'],
      ['bad@example.com', 'empty.token', 'usage'],
      ['bad@example.com', 'missing.token', 'usage'],
      ['bad', 'wrong.token', 'invalid-identity'],
    ] as const) {
      const result = await bad(identity, file);
      expect([identity, file, result.code]).toEqual([identity, file, 1]);
      expect(result.stderr).toContain(`(${code})`);
    }
  });
});

describe('looking up, verifying, rotating, revoking', () => {
  it('follow an identity through its life', async () => {
    const name = 'life@example.com';
    const state = ['--state', 'contact'];
    expect((await box.run('lookup', name, ...to(), ...state)).code).toBe(3);
    await box.run('register', name, ...to(), ...token, '--out', 'life');
    const first = await box.run('lookup', name, ...to(), ...state, '--json');
    expect(first.code).toBe(0);
    expect(json(first.stdout)).toMatchObject({
      identity: name,
      version: 0,
      change: { type: 'first-seen' },
      certificates: [
        {
          serial: expect.stringMatching(/^[0-9a-f]{2,40}$/) as string,
          pem: expect.stringContaining('BEGIN CERTIFICATE') as string,
          spkiSha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
          notBefore: expect.stringMatching(/Z$/) as string,
          notAfter: expect.stringMatching(/Z$/) as string,
        },
      ],
      treeSize: expect.any(Number) as number,
    });
    expect((await box.run('verify', 'life/certificate.pem', ...to(), ...state)).code).toBe(0);

    expect((await box.run('rotate', name, ...to(), '--credentials', 'life', '--out', 'life2')).code).toBe(0);
    const rotated = await box.run('lookup', name, ...to(), ...state, '--json');
    expect(json(rotated.stdout)).toMatchObject({ version: 1, change: { type: 'key' } });
    const old = await box.run('verify', 'life/certificate.pem', ...to(), ...state);
    expect([old.code, old.stderr.includes('(certificate-not-in-record)')]).toEqual([2, true]);
    const [, evidence = ''] = /evidence written to (\S+)/.exec(old.stderr) ?? [];
    expect(json(readFileSync(join(box.folder, evidence), 'utf8'))).toMatchObject({ code: 'certificate-not-in-record' });
    expect((await box.run('verify', 'life2/certificate.pem', ...to(), ...state, '--json')).code).toBe(0);

    const again = await box.run('rotate', name, ...to(), '--credentials', 'life', '--out', 'life2');
    expect(again.code).toBe(0);
    expect((await box.run('register', name, ...to(), '--credentials', 'life2', '--out', 'life3')).code).toBe(0);
    expect((await box.run('renew', name, ...to(), '--credentials', 'life3')).code).toBe(0);
    expect((await box.run('revoke', name, ...to(), '--credentials', 'life2')).code).toBe(0);
    const revoked = await box.run('lookup', name, ...to(), ...state, '--json');
    expect(json(revoked.stdout)).toMatchObject({ version: 4 });
    // A renewal leaves the certificate before it valid: two of the third key remain.
    expect(json(revoked.stdout)['certificates']).toHaveLength(2);
    const unknown = await box.run('revoke', name, ...to(), '--credentials', 'life3', '--serial', 'abcd');
    expect([unknown.code, unknown.stderr.includes('(no-such-certificate)')]).toEqual([1, true]);
  }, 240_000);

  it('tell a file that holds no certificate from a lie', async () => {
    writeFileSync(box.path('nonsense.pem'), 'nonsense');
    expect((await box.run('verify', 'nonsense.pem', ...to())).code).toBe(1);
    expect((await box.run('verify', 'missing.pem', ...to())).code).toBe(1);
  });
});

describe('an address book', () => {
  const asked = ['Friend@example.com', 'stranger@example.com'];
  beforeAll(async () => {
    expect((await box.run('register', 'friend@example.com', ...to(), ...token, '--out', 'friend')).code).toBe(0);
  }, 240_000);

  it('is looked up at once, and the exit code is that of the worst', async () => {
    const known = await box.run('lookup', ...asked.slice(0, 1), 'friend@example.com', ...to(), '--state', 'book');
    expect([known.code, known.stdout.match(/friend@example\.com/g)?.length]).toEqual([0, 2]);
    writeFileSync(box.path('book.txt'), `${asked.join('\r\n')}\n\n`);
    const some = await box.run('lookup', '--file', 'book.txt', ...to(), '--state', 'book', '--json');
    expect(some.code).toBe(3);
    expect(JSON.parse(some.stdout)).toMatchObject([
      { asked: 'Friend@example.com', found: true, identity: 'friend@example.com', version: 0 },
      { asked: 'stranger@example.com', found: false, identity: 'stranger@example.com' },
    ]);
    const bad = await box.run('lookup', 'not an identity', '--file', 'book.txt', ...to(), '--state', 'book', '--json');
    expect([bad.code, bad.stderr.includes('not an identity: ')]).toEqual([1, true]);
    expect(JSON.parse(bad.stdout)).toMatchObject([
      { asked: 'not an identity', error: { code: 'invalid-identity' } },
      { found: true },
      { found: false },
    ]);
    const many = await box.run('lookup', ...asked, '--version', '0', ...to(), '--state', 'book');
    expect([many.code, many.stderr.includes('(usage)')]).toEqual([1, true]);
  }, 240_000);

  it('ends with 2 where one of the answers is a lie, and keeps the evidence', async () => {
    const proxy = await startDamagingProxy(url, PATHS.lookupBatch);
    try {
      const lied = await box.run('lookup', ...asked, '--server', proxy.url, '--state', 'lied-to', '--json');
      expect(lied.code).toBe(2);
      expect(JSON.parse(lied.stdout)).toMatchObject([
        { asked: 'Friend@example.com', found: true },
        { asked: 'stranger@example.com', error: { code: expect.stringMatching(/./) as string } },
      ]);
      const files = readdirSync(box.path('lied-to')).filter((name) => name.startsWith('evidence-'));
      expect(files).toHaveLength(1);
    } finally {
      await proxy.close();
    }
  }, 240_000);
});

describe('trust and audit', () => {
  it('pin the bundle on first use and refuse another one', async () => {
    const trust = await box.run('trust', ...to(), '--out', 'trust.json');
    expect(trust.code).toBe(0);
    const [, fingerprint = ''] = /fingerprint ([0-9a-f]{64})/.exec(trust.stderr) ?? [];
    const state = ['--state', 'pinned'];
    const first = await box.run('lookup', 'files@example.com', ...to(), ...state);
    expect(first.stderr).toContain(fingerprint);
    for (const { stderr } of [trust, first]) expect(stderr).toContain('no witness cosigns this log');
    const second = await box.run('lookup', 'files@example.com', ...to(), ...state);
    expect(second.stderr).not.toContain('first use');
    expect(
      (await box.run('lookup', 'files@example.com', ...to(), '--trust', 'trust.json', '--state', 'given')).code,
    ).toBe(0);

    await box.run('init', '--data', 'impostor');
    const impostor = await box.serve('--data', 'impostor', '--embedded', '--listen', '127.0.0.1:0');
    const changed = await box.run('lookup', 'files@example.com', '--server', impostor.url, ...state);
    expect([changed.code, changed.stderr.includes('(other-log)')]).toEqual([1, true]);
    const given = await box.run('audit', impostor.url, '--trust', 'trust.json', '--state', 'other');
    expect(given.code).toBe(1);
    expect(await impostor.stop()).toBe(0);
  }, 240_000);

  it('audit the whole log, and go on from there', async () => {
    const state = ['--state', 'auditor'];
    const first = await box.run('audit', url, ...state, '--json');
    expect(first.code).toBe(0);
    expect(json(first.stdout)).toMatchObject({
      treeSize: expect.any(Number) as number,
      rootHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      entries: expect.any(Number) as number,
      updates: expect.any(Number) as number,
      seconds: expect.any(Number) as number,
    });
    expect(json(first.stdout)['entries']).toBe(json(first.stdout)['treeSize']);
    await box.run('register', 'audited@example.com', ...to(), ...token, '--out', 'audited');
    const second = await box.run('audit', url, ...state, '--json');
    expect(json(second.stdout)).toMatchObject({ entries: 1, updates: 1 });
  });
});
