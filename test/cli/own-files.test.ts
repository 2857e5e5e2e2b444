import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExtensionOid } from '../../src/ca/der/oids.ts';
import { formatPem } from '../../src/ca/der/pem.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { formatClientState, parseClientState } from '../../src/client/state/client-state-json.ts';
import { canonicalBundle, signTrustBundle } from '../../src/contract/bundle-signature.ts';
import { formatTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { CliSandbox } from '../support/cli.ts';
import { LyingOperator } from '../support/lying-operator.ts';
import { INITIAL } from '../support/victims.ts';
import { email, makeCa, makeLeaf, names } from '../ca/path/made-certificates.ts';

const DAY_MS = 86_400_000;
const box = new CliSandbox();
let operator: LyingOperator;
let server: string[];
beforeAll(async () => {
  // The authority is older than the certificates that it makes.
  operator = await LyingOperator.start({ startMs: Date.now() - 5 * DAY_MS });
  operator.server.log.clock.advance(5 * DAY_MS);
  const first = await operator.certify('first@example.com', (await generateKey()).spki);
  await operator.appendRecord('first@example.com', { certificates: [first], authorization: INITIAL });
  server = ['--server', operator.server.url];
  const { bundle, log } = operator.server;
  writeFileSync(box.path('token'), log.token);
  writeFileSync(box.path('trust.json'), formatTrustBundle(bundle));
  writeFileSync(box.path('typo.json'), formatTrustBundle(bundle).replace('"sequence": 1', '"sequence": 2'));
  writeFileSync(box.path('garbage'), 'not what it should be');
  writeFileSync(box.path('garbage.pem'), formatPem('CERTIFICATE', Uint8Array.of(1, 2, 3)));
  const later = await signTrustBundle({ ...bundle.bundle, sequence: 2 }, [operator.server.bundleKey]);
  expect(canonicalBundle(later.bundle)).not.toBe(canonicalBundle(bundle.bundle));
  writeFileSync(box.path('later.json'), formatTrustBundle(later));
  const made = await box.run('register', 'bob@example.com', ...server, '--token-file', 'token', '--out', 'bob');
  expect(made, made.stderr).toMatchObject({ code: 0 });
  expect(await box.run('lookup', 'bob@example.com', ...server, '--state', 'state')).toMatchObject({ code: 0 });
}, 120_000);
afterAll(async () => {
  await operator.stop();
  await box.remove();
});

const evidence = (): string[] => readdirSync(box.path('state')).filter((name) => name.startsWith('evidence'));

describe('what is wrong in a file of the user is exit code 1, and no evidence:', () => {
  const mine = (): string[] => [...server, '--state', 'state'];
  const url = (): string => operator.server.url;
  it.each<[string, () => readonly string[]]>([
    ['a trust bundle', () => ['lookup', 'bob@example.com', ...mine(), '--trust', 'garbage']],
    ['an altered trust bundle', () => ['lookup', 'bob@example.com', ...mine(), '--trust', 'typo.json']],
    ['an altered trust bundle, for an audit', () => ['audit', url(), '--state', 'state', '--trust', 'typo.json']],
    ['an altered earlier bundle', () => ['audit', url(), '--state', 'state', '--earlier-trust', 'typo.json']],
    [
      'an earlier bundle that is a later one',
      () => ['audit', url(), '--state', 'state', '--earlier-trust', 'later.json'],
    ],
    [
      'an altered trust bundle, to publish',
      () => ['publish', url(), '--to', 'to', '--state', 'state', '--trust', 'typo.json'],
    ],
    ['an altered trust bundle, for evidence', () => ['evidence', 'verify', 'garbage', '--trust', 'typo.json']],
    ['heads of somebody else', () => ['heads', 'compare', 'garbage', ...mine()]],
    ['a credential', () => ['credential', 'verify', 'garbage', ...mine()]],
    [
      'a later bundle than the pinned one, offline',
      () => ['credential', 'verify', 'garbage', ...mine(), '--trust', 'later.json'],
    ],
    ['a certificate that is no PEM', () => ['verify', 'garbage', ...mine()]],
    ['a certificate that is no certificate', () => ['verify', 'garbage.pem', ...mine()]],
    ['a key', () => ['revoke', 'bob@example.com', ...mine(), '--credentials', 'garbage']],
    ['a token', () => ['register', 'eve@example.com', ...mine(), '--token-file', 'nowhere', '--out', 'eve']],
    ['a list of names', () => ['lookup', '--file', 'nowhere', ...mine()]],
    ['a sealed state', () => ['state', 'import', 'garbage', '--state', 'state', '--passphrase-file', 'trust.json']],
    [
      'an OCSP request',
      () => 'ca check bob/certificate.pem --root bob/certificate.pem --ocsp garbage --ocsp-request garbage'.split(' '),
    ],
    ['test cases', () => ['ca', 'validate', 'garbage']],
  ])('%s', async (_, command) => {
    const before = readFileSync(box.path('state/state.json'), 'utf8');
    const run = await box.run(...command());
    expect([run.code, run.stderr.includes('evidence written')], run.stderr).toEqual([1, false]);
    expect(run.stderr).toMatch(/^glasskey: .*\([a-z-]+\)$/m);
    expect(evidence()).toEqual([]);
    expect(readFileSync(box.path('state/state.json'), 'utf8')).toBe(before);
  });
});

describe('a version that a key of the identity signed, and this state does not know,', () => {
  const CAROL = 'carol@example.com';

  /** Restores the state from before the rotation, as last monitored that long ago, and monitors. */
  async function restored(agoMs: number): Promise<[number, boolean]> {
    const name = `restored-${agoMs}`;
    cpSync(box.path('carol-backup'), box.path(name), { recursive: true });
    const file = box.path(name, 'state.json');
    const known = parseClientState(readFileSync(file, 'utf8'));
    const owners = new Map([...known.owners].map(([id, owned]) => [id, { ...owned, monitoredAtMs: now - agoMs }]));
    writeFileSync(file, formatClientState({ ...known, owners }));
    const { code, stderr, stdout } = await box.run('monitor', ...server, '--state', name);
    expect(stderr).toMatch(/^glasskey: carol@example.com: version 1 was signed .*restored this state.*acknowledge it/m);
    expect(stdout).toContain('WARNING');
    const has = readdirSync(box.path(name)).some((one) => one.startsWith('evidence'));
    expect(await box.run('monitor', '--acknowledge', ...server, '--state', name)).toMatchObject({ code: 0 });
    return [code, has];
  }
  const now = Date.now();

  it('is exit code 1 where the state may be an old copy, and 2 where it was monitored lately', async () => {
    const mine = [...server, '--state', 'carol'];
    const made = await box.run('register', CAROL, ...mine, '--token-file', 'token', '--out', 'carol-1');
    expect(made, made.stderr).toMatchObject({ code: 0 });
    expect(await box.run('monitor', ...mine)).toMatchObject({ code: 0 });
    cpSync(box.path('carol'), box.path('carol-backup'), { recursive: true });
    const rotated = await box.run('rotate', CAROL, ...mine, '--credentials', 'carol-1', '--out', 'carol-2');
    expect(rotated, rotated.stderr).toMatchObject({ code: 0 });
    expect(await restored(DAY_MS)).toEqual([1, false]);
    expect(await restored(60_000)).toEqual([2, false]);
  });
});

describe('verify exits with', () => {
  async function verify(validity: { notBeforeMs?: number; notAfterMs?: number }): Promise<[number, string]> {
    const der = await operator.certify('bob@example.com', (await generateKey()).spki, validity);
    writeFileSync(box.path('one.pem'), formatPem('CERTIFICATE', der));
    const { code, stderr } = await box.run('verify', 'one.pem', ...server, '--state', 'state');
    return [code, /\(([a-z-]+)\)$/m.exec(stderr.trim())?.[1] ?? stderr];
  }
  const now = Date.now();

  it('2 for a certificate that is over, and no evidence', async () => {
    const over = await verify({ notBeforeMs: now - 3 * DAY_MS, notAfterMs: now - 2 * DAY_MS });
    expect([over, evidence()]).toEqual([[2, 'certificate-expired'], []]);
  });

  it('1 for a certificate that is not valid yet: a clock that is behind shows that as well', async () => {
    const early = await verify({ notBeforeMs: now + DAY_MS, notAfterMs: now + 2 * DAY_MS });
    expect([early, evidence()]).toEqual([[1, 'certificate-expired'], []]);
  });

  it('2 for a certificate of another authority, and no evidence: no log showed it', async () => {
    const extensions = { [ExtensionOid.subjectAltName]: names(email('bob@example.com')) };
    writeFileSync(box.path('foreign.pem'), formatPem('CERTIFICATE', makeLeaf(makeCa(), { extensions }).der));
    const { code, stderr } = await box.run('verify', 'foreign.pem', ...server, '--state', 'state');
    expect([code, evidence()], stderr).toEqual([2, []]);
  });

  it('2 for a certificate of the authority that is in no record, with evidence', async () => {
    const stray = await verify({});
    expect([stray, evidence().length]).toEqual([[2, 'certificate-not-in-record'], 1]);
  });
});
