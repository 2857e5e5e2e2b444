import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generateKey } from '../../../../src/client/client-key.ts';
import { createCsr } from '../../../../src/client/csr.ts';
import { identityOf } from '../../../support/owner.ts';
import { CliSandbox } from '../../../support/cli.ts';

const box = new CliSandbox();
let data: readonly string[];

beforeAll(async () => {
  data = await box.logInPostgres('server');
  expect((await box.run('init', ...data)).code).toBe(0);
  writeFileSync(box.path('server/glasskey.toml'), '[[profile]]\nvalidity = "10d"\n');
}, 120_000);
afterAll(() => box.remove());

interface Listed {
  readonly identity: string;
  readonly status: string;
  readonly version: number;
  readonly notAfter: string;
}

const csrLine = async (identity: string, named = identity): Promise<string> =>
  JSON.stringify({ identity, csr: await createCsr(identityOf(named), await generateKey()) });

function keyLine(identity: string): string {
  const { publicKey } = generateKeyPairSync('ed25519');
  return JSON.stringify({ identity, publicKey: publicKey.export({ format: 'pem', type: 'spki' }) });
}

async function runImport(...more: string[]) {
  const { code, stdout } = await box.run('admin', 'import', 'users.jsonl', ...data, '--json', ...more);
  return { code, ...(JSON.parse(stdout) as { imported: number; present: number; refused: number }) };
}

it('imports what there is, tells what it refuses, and goes on where it was stopped', async () => {
  const good = [await csrLine('alice@example.com'), keyLine('bob@example.com')];
  const many = Array.from({ length: 300 }, (_, i) => keyLine(`user${i}@example.com`));
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'pem', type: 'spki' });
  const bad = [
    await csrLine('carol@example.com', 'mallory@example.com'),
    JSON.stringify({ identity: 'dave@example.com', publicKey: weak }),
    '{"identity":',
    JSON.stringify({ identity: 'erin@example.com' }),
    keyLine('not an identity'),
    JSON.stringify({ identity: 'frank@example.com', publicKey: 'x'.repeat(70_000) }),
    // Another key for a name of the same file, in another spelling: the first is first.
    keyLine('Bob@EXAMPLE.com'),
    keyLine('gr\uFFFDce@example.com'),
  ];
  // The same line again is no second certificate.
  const again = good[0]?.replace('alice@', 'ALICE@') ?? '';
  writeFileSync(box.path('users.jsonl'), [...good, '', ...many.slice(0, 20), again].join('\n'));
  expect(await runImport()).toMatchObject({ code: 0, imported: 22, present: 1, refused: 0 });
  expect(existsSync(box.path('users.jsonl.refused'))).toBe(false);

  // The same file, longer: what is there is not imported again, and another key for a name that is there is refused.
  writeFileSync(box.path('users.jsonl'), [...good, '', ...many, ...bad].join('\n'));
  expect(await runImport()).toMatchObject({ code: 1, imported: 280, present: 22, refused: 8 });
  const told = readFileSync(box.path('users.jsonl.refused'), 'utf8').trimEnd().split('\n');
  expect(told.map((line) => JSON.parse(line) as { line: number; code: string })).toMatchObject([
    { line: 304, code: 'csr-identity-mismatch' },
    { line: 305, code: 'weak-key' },
    { line: 306, code: 'invalid-request' },
    { line: 307, code: 'invalid-request' },
    { line: 308, code: 'invalid-identity' },
    { line: 309, code: 'payload-too-large' },
    { line: 310, code: 'change-required' },
    { line: 311, code: 'invalid-request' },
  ]);
  expect(statSync(box.path('users.jsonl.refused')).mode & 0o777).toBe(0o600);
  const rerun = await runImport('--report', 'report.jsonl');
  expect(rerun).toMatchObject({ code: 1, imported: 0, present: 302, refused: 8 });
  // A report must not take the place of what it is about.
  const lost = await box.run('admin', 'import', 'users.jsonl', ...data, '--report', 'users.jsonl');
  expect([lost.code, lost.stderr.includes('(usage)')]).toEqual([1, true]);
  expect(readFileSync(box.path('users.jsonl'), 'utf8').split('\n')).toHaveLength(311);

  const trail = await box.run('admin', 'trail', ...data, '--json');
  const acts = JSON.parse(trail.stdout) as { act: string; who: string; position: number }[];
  const added = acts.filter(({ act }) => act === 'certificate-issued');
  expect(added).toHaveLength(302);
  expect(added.every(({ who }) => who.startsWith('admin:'))).toBe(true);
  // 280 of one round are in two entries, of which the first is full.
  const positions = [...new Set(added.map(({ position }) => position))];
  const sizes = positions.map((position) => added.filter((one) => one.position === position).length);
  expect(sizes).toEqual([22, 255, 25]);
}, 240_000);

/** What ends a process by SIGKILL when it is about to sign for the 20th time. */
const KILLED = `
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
const { sign } = crypto;
let left = 20;
crypto.sign = (...all) => ((left -= 1) === 0 ? process.kill(process.pid, 'SIGKILL') : sign(...all));
syncBuiltinESMExports();`;

it('is finished by the same command after it was killed while it signed, and nobody has two certificates', async () => {
  const names = Array.from({ length: 60 }, (_, i) => `killed${i}@example.com`);
  const lines = names.map(keyLine);
  writeFileSync(box.path('users.jsonl'), lines.join('\n'));
  box.variables['NODE_OPTIONS'] = `--import data:text/javascript,${encodeURIComponent(KILLED)}`;
  const killed = await box.run('admin', 'import', 'users.jsonl', ...data, '--json');
  box.variables['NODE_OPTIONS'] = '';
  expect(killed).toMatchObject({ code: -1, stdout: '' });
  const { code, imported, present } = await runImport();
  expect([code, imported + present]).toEqual([0, 60]);
  expect(imported).toBeGreaterThanOrEqual(41);
  expect(await runImport()).toMatchObject({ code: 0, imported: 0, present: 60, refused: 0 });
  const listed = await box.run('admin', 'certificates', ...data, '--json', '--search', 'killed');
  const certificates = JSON.parse(listed.stdout) as Listed[];
  expect(certificates.map(({ identity }) => identity).toSorted()).toEqual(names.toSorted());
  expect(certificates.every(({ status, version }) => status === 'valid' && version === 0)).toBe(true);
  // The server's profile holds for them.
  const daysLeft = certificates.map(({ notAfter }) => (Date.parse(notAfter) - Date.now()) / 86_400_000);
  expect(daysLeft.every((days) => days > 8 && days <= 10)).toBe(true);
}, 240_000);

it('goes into a shared database, beside a server and without one', async () => {
  const shared = await box.logInPostgres('shared');
  expect((await box.run('init', ...shared)).code).toBe(0);
  const importSome = async (name: string) => {
    const lines = Array.from({ length: 30 }, (_, i) => keyLine(`${name}${i}@example.com`));
    writeFileSync(box.path('shared.jsonl'), lines.join('\n'));
    return box.run('admin', 'import', 'shared.jsonl', ...shared);
  };
  expect(await importSome('without')).toMatchObject({
    code: 0,
    stdout: '30 imported, 0 already registered, 0 refused\n',
  });
  const trail = await box.run('admin', 'trail', ...shared, '--json');
  const positions = (JSON.parse(trail.stdout) as { act: string; position: number }[])
    .filter(({ act }) => act === 'certificate-issued')
    .map(({ position }) => position);
  expect([positions.length, new Set(positions).size]).toEqual([30, 1]);
  const { stop } = await box.serve(...shared, '--listen', '127.0.0.1:0');
  expect(await importSome('beside')).toMatchObject({
    code: 0,
    stdout: '30 imported, 0 already registered, 0 refused\n',
  });
  expect(await stop()).toBe(0);
}, 240_000);

it('says in the record that nobody but the administrator vouched, and whether the key was shown', async () => {
  const { url, stop } = await box.serve(...data, '--listen', '127.0.0.1:0');
  const to = ['--server', url, '--state', 'contact'];
  for (const [name, possession] of [
    ['alice', true],
    ['bob', false],
  ] as const) {
    const { stdout } = await box.run('lookup', `${name}@example.com`, ...to, '--json');
    const authorization = { type: 'initial', evidence: { type: 'import', possession } };
    expect(JSON.parse(stdout)).toMatchObject({ version: 0, authorization });
  }
  const shown = await box.run('lookup', 'bob@example.com', '--server', url, '--state', 'other');
  expect(shown.stdout).toContain('imported by the administrator, without proof of possession of the key');
  expect(await stop()).toBe(0);
}, 240_000);
