import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExtensionOid } from '../../src/ca/der/oids.ts';
import { formatPem } from '../../src/ca/der/pem.ts';
import { generateKey } from '../../src/client/client-key.ts';
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
