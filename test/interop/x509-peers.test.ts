import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { limboCase, type PathCase, pathCases } from '../ca/path/cases.ts';
import { WITHIN_MS } from '../ca/path/made-certificates.ts';
import { programMissing } from '../support/openssl.ts';
import { crlCases } from './crl-cases.ts';
import { pythonWithPackages } from './python-packages.ts';

/** Cases that another implementation judges otherwise, and why that is no reason to do as it does. */
type Differences = Readonly<Record<string, string>>;

const NOT_READ = 'the extension is not looked at';
const NOT_ASKED = 'names that are not asked for are not looked at';
const UNKNOWN_POLICIES = 'policies are not processed, and a critical extension about them is refused';
const ANY_SERIAL = 'serial numbers are not looked at';
const KEY_IDS = 'key identifiers are hints';
const CRITICALITY = 'they hold, critical or not';

/** The package cryptography of Python, by its rules for the web. */
const PYTHON: Differences = {
  'serial-zero': ANY_SERIAL,
  'serial-of-21-bytes': ANY_SERIAL,
  'names-differ-in-case-only': 'names are compared by their bytes',
  'ca-without-key-usage': 'the rules of the web want it of every CA',
  'ca-without-ski': KEY_IDS,
  'critical-ski': KEY_IDS,
  'path-length-without-self-issued': 'self-issued certificates count',
  underscore: NOT_ASKED,
  'address-of-5-bytes': NOT_ASKED,
  'uri-within': 'constraints of URIs are refused, whatever they are',
  'directory-outside': 'constraints of directory names are not applied to the subject',
  'constraints-not-critical': CRITICALITY,
  'policies-along': UNKNOWN_POLICIES,
  'any-policy-of-ca': UNKNOWN_POLICIES,
  'any-policy-of-leaf': UNKNOWN_POLICIES,
  mapped: UNKNOWN_POLICIES,
  'constraints-not-critical-policy': CRITICALITY,
  'policy-given-twice': UNKNOWN_POLICIES,
};

/** certtool of GnuTLS 3.7. */
const GNUTLS: Differences = {
  'unreadable-other-certificate': 'a chain that cannot be read is refused as a whole',
  'serial-zero': ANY_SERIAL,
  'serial-of-21-bytes': ANY_SERIAL,
  'names-differ-in-case-only': 'names are compared by their bytes',
  'second-way-is-valid': 'one way through the certificates is tried',
  'ca-basic-constraints-not-critical': CRITICALITY,
  'ca-without-ski': KEY_IDS,
  'leaf-without-aki': KEY_IDS,
  'critical-ski': KEY_IDS,
  'leaf-may-sign-certificates': NOT_READ,
  'path-length-without-self-issued': 'self-issued certificates count',
  'purposes-without-one': 'no purpose is any purpose',
  'names-without-one': 'no name constrains nothing',
  underscore: NOT_ASKED,
  'address-of-5-bytes': NOT_ASKED,
  'critical-authority-information': CRITICALITY,
  'no-subject-and-names-not-critical': CRITICALITY,
  'dns-excluded-wildcard': 'a wildcard is compared as it stands',
  'ip-of-the-other-family': 'constraints of one family do not bind the other',
  'uri-outside': NOT_READ,
  'uri-without-host': NOT_READ,
  'directory-outside': NOT_READ,
  'constraints-not-critical': CRITICALITY,
  'constraints-in-a-leaf': 'they bind nobody',
  'constraints-without-a-subtree': 'an empty sequence asks for nothing',
  'policies-along': UNKNOWN_POLICIES,
  'any-policy-of-ca': UNKNOWN_POLICIES,
  'any-policy-of-leaf': UNKNOWN_POLICIES,
  mapped: UNKNOWN_POLICIES,
  'constraints-not-critical-policy': CRITICALITY,
  'policy-given-twice': UNKNOWN_POLICIES,
};

const isCi = process.env['CI'] !== undefined;
const folder = mkdtempSync(join(tmpdir(), 'glasskey-x509-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('path validation by Python', () => {
  it('agrees, but where the table says why not', { timeout: 300_000 }, (context) => {
    const cases = pathCases();
    let python: string;
    try {
      python = pythonWithCryptography();
    } catch (error) {
      if (isCi) throw error;
      return context.skip('no Python 3, or its packages cannot be fetched');
    }
    const program = join(import.meta.dirname, 'python/validate.py');
    const input = JSON.stringify({ version: 1, testcases: cases.map(limboCase) });
    const lines = execFileSync(python, [program], { input, encoding: 'utf8' }).trim().split('\n');
    const outcomes = new Map(lines.map((line) => line.split(' ') as [string, string]));
    expect(outcomes.size).toBe(cases.length);
    const surprises = cases.filter(({ id, valid }) => {
      const agrees = outcomes.get(`glasskey::${id}`) === (valid ? 'accepted' : 'refused');
      return agrees === id in PYTHON;
    });
    expect(surprises.map(({ id }) => id)).toEqual([]);
  });
});

describe('CRLs, read by Python', () => {
  it('say what they are to say, by their issuer', { timeout: 300_000 }, async (context) => {
    let python: string;
    try {
      python = pythonWithCryptography();
    } catch (error) {
      if (isCi) throw error;
      return context.skip('no Python 3, or its packages cannot be fetched');
    }
    const { cases, facts } = await crlCases();
    const program = join(import.meta.dirname, 'python/read_crls.py');
    const output = execFileSync(python, [program], { input: JSON.stringify(cases), encoding: 'utf8' });
    const point = 'http://ca.example/crl/issuer/7.crl';
    const [whole, delta] = [{ points: [point], onlyUsers: true }, 'http://ca.example/crl/issuer/7-delta.crl'];
    expect(JSON.parse(output)).toEqual({
      'of-all': { ...facts['of-all'], points: [], onlyUsers: false, freshest: [] },
      empty: { ...facts['empty'], ...whole, freshest: [delta] },
      shard: { ...facts['shard'], ...whole, freshest: [delta] },
      delta: { ...facts['delta'], ...whole, freshest: [] },
    });
  });
});

const missing = programMissing('certtool', '--version') ?? programMissing('faketime', '--version');
const title = missing === undefined ? 'path validation by GnuTLS' : `path validation by GnuTLS (${missing})`;

describe.skipIf(missing !== undefined && !isCi)(title, () => {
  it('agrees, but where the table says why not', { timeout: 120_000 }, () => {
    const cases = pathCases();
    const agreeing = cases.filter((one) => certtoolAccepts(one) === one.valid);
    // Another release of it may agree more often.
    const surprises = cases.filter((one) => !agreeing.includes(one) && !(one.id in GNUTLS));
    expect(surprises.map(({ id }) => id)).toEqual([]);
    const known = new Set(cases.map(({ id }) => id));
    expect(Object.keys(GNUTLS).filter((id) => !known.has(id))).toEqual([]);
    expect(agreeing.length).toBeGreaterThanOrEqual(cases.length - Object.keys(GNUTLS).length);
  });
});

function pythonWithCryptography(): string {
  installed ??= pythonWithPackages(folder);
  return installed;
}

let installed: string | undefined;

const PURPOSES = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  emailProtection: '1.3.6.1.5.5.7.3.4',
} as const;

/** certtool has no option for the time. */
function certtoolAccepts(one: PathCase): boolean {
  const anchors = join(folder, 'anchors.pem');
  const chain = join(folder, 'chain.pem');
  writeFileSync(anchors, one.anchors.map(({ pem }) => pem).join(''));
  writeFileSync(chain, [one.leaf, ...(one.intermediates ?? [])].map(({ pem }) => pem).join(''));
  const time = new Date(one.atMs ?? WITHIN_MS).toISOString().replace('T', ' ').slice(0, 19);
  const name = one.peer === undefined ? ['--verify-hostname', 'host.example'] : ['--verify-email', one.peer.value];
  const verify = ['--verify', '--load-ca-certificate', anchors, '--infile', chain, ...name];
  const purpose = ['--verify-purpose', PURPOSES[one.purpose ?? 'serverAuth']];
  try {
    execFileSync('faketime', ['-f', time, 'certtool', ...verify, ...purpose], {
      stdio: 'pipe',
      env: { ...process.env, TZ: 'UTC' },
    });
    return true;
  } catch {
    return false;
  }
}
