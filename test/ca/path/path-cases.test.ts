import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseLimbo, runLimboCase } from '../../../src/cli/commands/ca/limbo-case.ts';
import { limboCase, type PathCase, pathCases } from './cases.ts';
import { WITHIN_MS } from './made-certificates.ts';

const cases = pathCases();
const folder = mkdtempSync(join(tmpdir(), 'glasskey-path-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('path validation', () => {
  it('has a case for many rules of RFC 5280', () => {
    expect(cases.length).toBeGreaterThanOrEqual(60);
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
  });

  it.each(cases.map((one) => [`§${one.section} ${one.id}`, one] as const))('%s', async (_, one) => {
    const [parsed] = parseLimbo(JSON.stringify({ version: 1, testcases: [limboCase(one)] }));
    const { outcome, reason } = await runLimboCase(parsed ?? expect.fail());
    expect(outcome, reason).toBe(one.valid ? 'accepted' : 'refused');
  });
});

describe('path validation by OpenSSL', () => {
  it('agrees, but where the case says why not', () => {
    const surprises = cases.filter((one) => opensslAccepts(one) !== one.valid && one.differs?.openssl === undefined);
    expect(surprises.map(({ id }) => id)).toEqual([]);
  });
});

const ANY_POLICY = '2.5.29.32.0';
const PURPOSES = { serverAuth: 'sslserver', clientAuth: 'sslclient', emailProtection: 'smimesign' } as const;

function opensslAccepts(one: PathCase): boolean {
  const write = (name: string, pems: readonly string[]): string => {
    const path = join(folder, name);
    writeFileSync(path, pems.join(''));
    return path;
  };
  const intermediates = one.intermediates ?? [];
  const anchors = write(
    'anchors.pem',
    one.anchors.map(({ pem }) => pem),
  );
  const others = write(
    'untrusted.pem',
    intermediates.map(({ pem }) => pem),
  );
  const purpose = PURPOSES[one.purpose ?? 'serverAuth'];
  const seconds = String((one.atMs ?? WITHIN_MS) / 1000);
  const args = [
    'verify',
    '-x509_strict',
    '-purpose',
    purpose,
    '-policy_check',
    '-policy',
    ANY_POLICY,
    '-attime',
    seconds,
  ];
  args.push('-CAfile', anchors);
  if (intermediates.length > 0) args.push('-untrusted', others);
  if (one.peer === undefined) args.push('-verify_hostname', 'host.example');
  else args.push('-verify_email', one.peer.value);
  args.push(write('leaf.pem', [one.leaf.pem]));
  try {
    execFileSync('openssl', args, { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
