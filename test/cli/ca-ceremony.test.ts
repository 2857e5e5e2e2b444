import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { CliSandbox } from '../support/cli.ts';

const box = new CliSandbox();
beforeAll(async () => {
  const made = await box.run('ca', 'create-root', '--out', 'root', '--name', 'Example Root CA');
  expect([made.code, made.stderr]).toEqual([0, '']);
}, 120_000);
afterAll(() => box.remove());

const certificate = (path: string): X509Certificate => new X509Certificate(readFileSync(box.path(path)));

/** A request that OpenSSL makes for a new key. */
function opensslRequest(name: string, ...key: string[]): string {
  const options = ['req', '-new', '-nodes', ...key, '-keyout', box.path(`${name}.key`), '-subj', '/CN=whatever'];
  execFileSync('openssl', [...options, '-out', box.path(`${name}.csr`)], { stdio: 'pipe' });
  return `${name}.csr`;
}
const sign = (request: string, out: string, ...more: string[]) =>
  box.run('ca', 'sign-intermediate', request, '--root', 'root', '--name', 'Example Issuing CA', '--out', out, ...more);

describe('a key ceremony', () => {
  it('leaves a root with an encrypted key, and makes no second one in its folder', async () => {
    expect(certificate('root/root.pem').subject).toBe('CN=Example Root CA');
    expect(readFileSync(box.path('root/root.key.pem'), 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    expect(statSync(box.path('root/root.key.pem')).mode & 0o777).toBe(0o600);
    const again = await box.run('ca', 'create-root', '--out', 'root', '--name', 'Another');
    expect([again.code, again.stderr.includes('(usage)')]).toEqual([1, true]);
  }, 120_000);

  it('takes a data folder to an offline root by an exchange of files', async () => {
    expect((await box.run('init', '--data', 'server', '--public-url', 'https://keys.example')).code).toBe(0);
    const before = parseTrustBundle(readFileSync(box.path('server/trust.json'), 'utf8')).bundle;
    expect((await box.run('ca', 'request-intermediate', '--data', 'server', '--out', 'issuing.csr')).code).toBe(0);
    execFileSync('openssl', ['req', '-in', box.path('issuing.csr'), '-verify', '-noout'], { stdio: 'pipe' });
    const signed = await sign('issuing.csr', 'issuing.pem', '--permit-email', 'example.com');
    expect([signed.code, signed.stderr]).toEqual([0, '']);
    expect(readFileSync(box.path('root/issued.txt'), 'utf8').trim().split('\n')).toHaveLength(1);
    const install = ['ca', 'install-intermediate', 'issuing.pem', '--data', 'server', '--root'];
    const foreign = await box.run(...install, 'server/ca/root.pem');
    expect([foreign.code, foreign.stderr.includes('(bad-certificate)')]).toEqual([1, true]);
    expect((await box.run(...install, 'root/root.pem')).code).toBe(0);
    const { bundle } = parseTrustBundle(readFileSync(box.path('server/trust.json'), 'utf8'));
    expect(bundle).toMatchObject({ sequence: before.sequence + 1, origin: before.origin, bundleKey: before.bundleKey });
    expect(bundle.roots).toEqual([readFileSync(box.path('root/root.pem'), 'utf8')]);

    const { url, stop } = await box.serve('--data', 'server', '--embedded', '--listen', '127.0.0.1:0');
    const token = ['--server', url, '--token-file', box.path('server/registration.token')];
    expect((await box.run('register', 'alice@example.com', ...token, '--out', 'alice')).code).toBe(0);
    expect((await box.run('verify', 'alice/certificate.pem', '--server', url)).code).toBe(0);
    const chain = [
      'verify',
      '-x509_strict',
      '-CAfile',
      box.path('root/root.pem'),
      '-untrusted',
      box.path('issuing.pem'),
    ];
    execFileSync('openssl', [...chain, box.path('alice/certificate.pem')], { stdio: 'pipe' });
    const outside = await box.run('register', 'alice@example.org', ...token, '--out', 'outside');
    expect([outside.code, outside.stderr.includes('(forbidden)')]).toEqual([1, true]);
    expect(await stop()).toBe(0);
    const late = await box.run(...install, 'root/root.pem');
    expect([late.code, late.stderr.includes('has begun')]).toEqual([1, true]);
  }, 240_000);

  it('writes name constraints that OpenSSL holds leaves to', async () => {
    const request = opensslRequest('constrained', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256');
    const flags = ['--permit-email', 'example.com', '--permit-uri', '.example.com', '--years', '1'];
    expect((await sign(request, 'constrained.pem', ...flags)).code).toBe(0);
    const verify = (san: string): boolean => {
      const leaf = opensslRequest('leaf', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256');
      writeFileSync(box.path('leaf.ext'), `subjectAltName=critical,${san}\n`);
      const ca = ['-CA', box.path('constrained.pem'), '-CAkey', box.path('constrained.key')];
      const make = ['x509', '-req', '-in', box.path(leaf), ...ca, '-extfile', box.path('leaf.ext')];
      execFileSync('openssl', [...make, '-out', box.path('leaf.pem')], { stdio: 'pipe' });
      const chain = ['-CAfile', box.path('root/root.pem'), '-untrusted', box.path('constrained.pem')];
      try {
        execFileSync('openssl', ['verify', ...chain, box.path('leaf.pem')], { stdio: 'pipe' });
        return true;
      } catch {
        return false;
      }
    };
    expect(verify('email:alice@example.com')).toBe(true);
    expect(verify('email:alice@example.org')).toBe(false);
    expect(verify('URI:https://keys.example.com/alice')).toBe(true);
    expect(verify('URI:https://keys.example.org/alice')).toBe(false);
  }, 120_000);

  it('signs nothing weak, forged or with a root that is over', async () => {
    const rsa = await sign(opensslRequest('weak', '-newkey', 'rsa:2048'), 'weak.pem');
    expect([rsa.code, rsa.stderr.includes('(weak-key)')]).toEqual([1, true]);
    const good = opensslRequest('good', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256');
    const der = Buffer.from(readFileSync(box.path(good), 'utf8').replaceAll(/-----.*-----|\s/g, ''), 'base64');
    der[der.length - 1]! ^= 1;
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64').replaceAll(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE REQUEST-----\n`;
    writeFileSync(box.path('forged.csr'), forged);
    const stolen = await sign('forged.csr', 'forged.pem');
    expect([stolen.code, stolen.stderr.includes('(bad-proof-of-possession)')]).toEqual([1, true]);
    const names = await sign(good, 'names.pem', '--permit-email', 'not a host');
    expect([names.code, names.stderr.includes('(value-out-of-range)')]).toEqual([1, true]);
    box.shiftClock(21 * 366 * 86_400_000);
    const over = await sign(good, 'over.pem');
    box.shiftClock(0);
    expect([over.code, over.stderr.includes('(certificate-expired)')]).toEqual([1, true]);
    expect(readFileSync(box.path('root/issued.txt'), 'utf8')).not.toContain('good');
  }, 120_000);
});
