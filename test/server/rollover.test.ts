import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataFolder } from '../../src/server/data-folder.ts';
import { nextBundle, storeBundle } from '../../src/server/next-bundle.ts';
import { parseTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { CliSandbox, type RunningCli } from '../support/cli.ts';

const DATA = 'server';
const box = new CliSandbox();
let server: RunningCli;

beforeAll(async () => {
  server = await box.serve('--dev', ...(await box.logInPostgres(DATA)), '--listen', '127.0.0.1:0');
}, 120_000);
afterAll(() => box.remove());

const register = (name: string) =>
  box.run(
    'register',
    `${name}@example.com`,
    '--server',
    server.url,
    '--out',
    name,
    '--token-file',
    `${DATA}/registration.token`,
  );
const issuerOf = (name: string): string =>
  /CN=(.*)$/.exec(new X509Certificate(readFileSync(box.path(name, 'certificate.pem'))).issuer)?.[1] ?? '';
const shown = async () => parseTrustBundle(await (await fetch(`${server.url}/.well-known/glasskey`)).text()).bundle;
const hangUp = (): void => void process.kill(server.pid, 'SIGHUP');

/** Counts the server's log lines with this text. */
const said = (text: string): number => server.errors().split(text).length - 1;
async function reload(outcome: 'reloaded' | 'reload refused'): Promise<void> {
  const before = said(outcome);
  hangUp();
  await expect.poll(() => said(outcome), { timeout: 60_000 }).toBe(before + 1);
}

/** Returns the path on the server, where the files of CAs after the first have a folder of their own. */
const pathOf = (path: string): string => path.replace('/issuer-', '/issuers/issuer-');

async function download(path: string, file: string): Promise<string> {
  const response = await fetch(`${server.url}${path}`);
  expect(response.status).toBe(200);
  writeFileSync(box.path(file), new Uint8Array(await response.arrayBuffer()));
  return box.path(file);
}

/** Verifies a certificate with OpenSSL, and with the CRL and certificate of its CA. Returns `OK` or an error. */
async function openssl(name: string, ca: string): Promise<string> {
  const issuer = await download(pathOf(`/ca/${ca}.pem`), `${ca}.pem`);
  const der = await download(pathOf(`/crl/${ca}.crl`), `${ca}.crl`);
  execFileSync('openssl', ['crl', '-inform', 'DER', '-in', der, '-out', `${der}.pem`], { stdio: 'pipe' });
  const root = await download('/ca/root.pem', 'root.pem');
  const chain = ['-x509_strict', '-CAfile', root, '-untrusted', issuer, '-CRLfile', `${der}.pem`, '-crl_check'];
  try {
    return execFileSync('openssl', ['verify', ...chain, box.path(name, 'certificate.pem')], {
      stdio: 'pipe',
    }).toString();
  } catch (error) {
    return String((error as { stderr?: Buffer }).stderr);
  }
}

async function ocsp(name: string, ca: string): Promise<string> {
  const issuer = await download(pathOf(`/ca/${ca}.pem`), `${ca}.pem`);
  const root = await download('/ca/root.pem', 'root.pem');
  const { serialNumber } = new X509Certificate(readFileSync(box.path(name, 'certificate.pem')));
  const ask = ['ocsp', '-issuer', issuer, '-serial', `0x${serialNumber}`, '-url', `${server.url}/ca/ocsp`];
  return execFileSync('openssl', [...ask, '-CAfile', root, '-verify_other', issuer], { stdio: 'pipe' }).toString();
}

describe('an issuing CA that is followed by another', () => {
  it('goes on signing until the other’s time comes, while clients learn of that', async () => {
    expect((await register('alice')).code).toBe(0);
    const early = await box.run('ca', 'roll-issuer', '--data', DATA, '--after', '1h');
    expect([early.code, early.stderr]).toEqual([0, '']);
    expect((await shown()).issuers).toHaveLength(1);
    await reload('reloaded');
    expect((await shown()).issuers).toHaveLength(2);
    expect((await register('bob')).code).toBe(0);
    expect(issuerOf('bob')).toBe(issuerOf('alice'));
  }, 240_000);

  it('answers for what it has signed, after the other signs', async () => {
    expect((await box.run('ca', 'request-intermediate', '--next', '--data', DATA, '--out', 'next.csr')).code).toBe(0);
    execFileSync('openssl', ['req', '-in', box.path('next.csr'), '-verify', '-noout'], { stdio: 'pipe' });
    const third = await box.run('ca', 'roll-issuer', '--data', DATA, '--after', '1ms');
    expect([third.code, third.stderr]).toEqual([0, '']);
    await reload('reloaded');
    expect((await register('carol')).code).toBe(0);
    expect(issuerOf('carol')).toContain('Issuing CA 3');
    expect(
      [await openssl('alice', 'issuer'), await openssl('carol', 'issuer-3')].map((text) => text.includes(': OK')),
    ).toEqual([true, true]);
    expect(await ocsp('alice', 'issuer')).toContain(': good');
    expect(await ocsp('carol', 'issuer-3')).toContain(': good');
    expect(await ocsp('carol', 'issuer')).toContain(': unknown');
    for (const name of ['alice', 'carol'])
      expect((await box.run('verify', `${name}/certificate.pem`, '--server', server.url)).code).toBe(0);
    for (const name of ['alice', 'carol'])
      expect(
        (await box.run('revoke', `${name}@example.com`, '--all', '--credentials', name, '--server', server.url)).code,
      ).toBe(0);
    await expect.poll(() => openssl('alice', 'issuer'), { timeout: 60_000 }).toContain('certificate revoked');
    await expect.poll(() => openssl('carol', 'issuer-3'), { timeout: 60_000 }).toContain('certificate revoked');
    await expect.poll(() => ocsp('alice', 'issuer'), { timeout: 60_000 }).toContain(': revoked');
    expect((await box.run('audit', server.url)).code).toBe(0);
  }, 240_000);

  it('is followed by none that another root signed, or that has its name', async () => {
    expect((await box.run('ca', 'create-root', '--out', 'root', '--name', 'Stranger')).code).toBe(0);
    expect((await box.run('ca', 'request-intermediate', '--next', '--data', DATA, '--out', 'next.csr')).code).toBe(0);
    const sign = ['ca', 'sign-intermediate', 'next.csr', '--root', 'root', '--name', 'CA 4', '--out', 'foreign.pem'];
    expect((await box.run(...sign)).code).toBe(0);
    const foreign = await box.run('ca', 'install-next', 'foreign.pem', '--data', DATA);
    expect([foreign.code, foreign.stderr.includes('(bad-certificate)')]).toEqual([1, true]);
    const again = await box.run('ca', 'install-next', `${DATA}/ca/issuer-3.pem`, '--data', DATA);
    expect([again.code, again.stderr.includes('(bad-key-file)')]).toEqual([1, true]);
  }, 240_000);
});

describe('reloading', () => {
  it('takes new settings, and none that have a problem', async () => {
    const settings = box.path(DATA, 'glasskey.toml');
    writeFileSync(settings, '[[profile]]\nvalidity = "2d"\n');
    await reload('reloaded');
    expect((await register('dave')).code).toBe(0);
    const days = (name: string): number => {
      const { validTo, validFrom } = new X509Certificate(readFileSync(box.path(name, 'certificate.pem')));
      return Math.round((Date.parse(validTo) - Date.parse(validFrom)) / 86_400_000);
    };
    expect(days('dave')).toBe(2);
    writeFileSync(settings, '[[profile]]\nvalidity = "3d"\n[limits.client]\nrequests = "many"\n');
    await reload('reload refused');
    expect(server.errors()).toContain('limits.client.requests');
    expect((await register('erin')).code).toBe(0);
    expect(days('erin')).toBe(2);
    writeFileSync(
      settings,
      '[limits.client]\nrequests = 1\nper = "1d"\n[limits.application]\nrequests = 1\nper = "1d"\n',
    );
    await reload('reloaded');
    expect([(await register('frank')).code, (await register('grace')).code]).toEqual([0, 1]);
  }, 240_000);

  it('keeps the old trust bundle where the new one is none', async () => {
    const before = await shown();
    const text = readFileSync(box.path(DATA, 'trust.json'), 'utf8');
    writeFileSync(box.path(DATA, 'trust.json'), text.replace('"sequence": ', '"sequence": 1'));
    await reload('reload refused');
    expect(await shown()).toEqual(before);
    writeFileSync(box.path(DATA, 'trust.json'), text);
    await reload('reloaded');
  }, 120_000);

  it('keeps every issuing CA that has signed', async () => {
    const file = box.path(DATA, 'ca', 'issuer-3.pem');
    renameSync(file, `${file}.away`);
    await reload('reload refused');
    expect((await fetch(`${server.url}/crl/issuers/issuer-3.crl`)).status).toBe(200);
    renameSync(`${file}.away`, file);
  }, 120_000);

  it('announces no recovery delay by which this server would not wait', async () => {
    const folder = new DataFolder(box.path(DATA));
    const { sequence } = await shown();
    await storeBundle(
      folder,
      await nextBundle(folder, ({ recoveryDelayMs }) => ({ recoveryDelayMs: 2 * recoveryDelayMs })),
    );
    await reload('reload refused');
    expect((await shown()).sequence).toBe(sequence);
    expect(await server.stop()).toBe(0);
  }, 120_000);
});
