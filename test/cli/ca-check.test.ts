import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCrl } from '../../src/ca/crl.ts';
import type { CrlReason } from '../../src/ca/crl-entries.ts';
import { issueLeaf } from '../../src/ca/issue.ts';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { encodeCertId } from '../../src/ca/ocsp/cert-id.ts';
import { createOcspResponse } from '../../src/ca/ocsp/create-ocsp-response.ts';
import { createOcspResponder } from '../../src/ca/ocsp/responder-certificate.ts';
import { parseOcspRequest } from '../../src/ca/ocsp/ocsp-request.ts';
import { formatPem } from '../../src/ca/der/pem.ts';
import { newSerial } from '../../src/ca/serial.ts';
import { formatHex } from '../../src/core/encoding/bytes.ts';
import { createHierarchy, leafRequest, NOW_MS, openssl, spkiOf } from '../ca/support.ts';
import { CliSandbox } from '../support/cli.ts';

const sandbox = new CliSandbox();
afterAll(() => sandbox.remove());

const at = ['--at', `${new Date(NOW_MS).toISOString().slice(0, 19)}Z`];
const times = { thisUpdateMs: NOW_MS - 60_000, nextUpdateMs: NOW_MS + 3_600_000 };
let serial: string;

beforeAll(async () => {
  const { root, issuing } = await createHierarchy('p256');
  const request = leafRequest(issuing, spkiOf(generateKeyPairSync('ed25519').publicKey));
  serial = formatHex(request.serial);
  const pems = { root: root.certificate.der, issuer: issuing.certificate.der, leaf: await issueLeaf(issuing, request) };
  for (const [name, der] of Object.entries(pems)) {
    writeFileSync(sandbox.path(`${name}.pem`), formatPem('CERTIFICATE', der));
  }
  // As a system's bundle: many, and one that nobody can read.
  const bundle = [formatPem('CERTIFICATE', new Uint8Array(8)), ...Array(144).fill(readPem('root'))];
  writeFileSync(sandbox.path('root.pem'), bundle.join('# a root\n'));
  const revoked = { serial, revokedAtMs: NOW_MS, reason: 'superseded' as CrlReason };
  const fresh = await createCrl(issuing, { ...times, number: 1, entries: [] });
  writeFileSync(sandbox.path('fresh.crl'), fresh);
  const later = await createCrl(issuing, { ...times, number: 2, entries: [revoked] });
  writeFileSync(sandbox.path('revoked.pem'), formatPem('X509 CRL', later));
  const responder = await createOcspResponder(issuing, {
    signer: signerFromKey(await createKey('p256')),
    serial: newSerial(randomBytes),
    notBeforeMs: NOW_MS - 3_600_000,
    notAfterMs: NOW_MS + 7_200_000,
  });
  const certId = encodeCertId(issuing.certificate, serial);
  const good = await createOcspResponse(responder, { ...times, answers: [{ certId, status: { type: 'good' } }] });
  writeFileSync(sandbox.path('good.ocsp'), good);
  const files = ['-issuer', sandbox.path('issuer.pem'), '-cert', sandbox.path('leaf.pem')];
  for (const [name, flag] of [
    ['asked', '-nonce'],
    ['plain', '-no_nonce'],
  ] as const) {
    openssl(['ocsp', ...files, flag, '-reqout', sandbox.path(`${name}.der`)]);
  }
  const { nonce } = parseOcspRequest(new Uint8Array(readFileSync(sandbox.path('asked.der'))));
  const answered = { ...times, answers: [{ certId, status: { type: 'good' } as const }], nonce };
  writeFileSync(sandbox.path('answer.ocsp'), await createOcspResponse(responder, answered));
});

function readPem(name: string): string {
  return readFileSync(sandbox.path(`${name}.pem`), 'utf8');
}

const check = (...args: string[]) => {
  const files = ['--root', sandbox.path('root.pem'), '--chain', sandbox.path('issuer.pem')];
  return sandbox.run('ca', 'check', sandbox.path('leaf.pem'), ...files, ...at, ...args);
};

describe('glasskey ca check', () => {
  it('validates a path, with CRLs and OCSP responses', async () => {
    const plain = await check('--purpose', 'clientAuth', '--email', 'alice@example.com');
    expect([plain.code, plain.stdout]).toEqual([0, expect.stringContaining('revocation was not checked')]);
    expect(plain.stderr).toContain('root 1 in');
    const both = await check(
      '--crl',
      sandbox.path('fresh.crl'),
      '--ocsp',
      sandbox.path('good.ocsp'),
      '--json',
      '--profile',
      'rfc5280',
    );
    expect(both.code).toBe(0);
    expect(JSON.parse(both.stdout)).toMatchObject({ revocation: ['crl', 'ocsp'] });
    expect((JSON.parse(both.stdout) as { path: string[] }).path[0]).toBe(serial);
  });

  it('takes the answer to its own question alone', async () => {
    const request = (name: string): string[] => ['--ocsp-request', sandbox.path(`${name}.der`)];
    const response = (name: string): string[] => ['--ocsp', sandbox.path(`${name}.ocsp`)];
    expect(await check(...response('answer'), ...request('asked'))).toMatchObject({ code: 0 });
    const other = await check(...response('good'), ...request('asked'));
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('bad-certificate')]);
    expect(await check(...response('answer'), ...request('plain'))).toMatchObject({ code: 1 });
    expect(await check(...request('asked'))).toMatchObject({ code: 1 });
  });

  it('refuses what does not hold', async () => {
    const revoked = await check('--crl', sandbox.path('revoked.pem'));
    expect([revoked.code, revoked.stderr]).toEqual([2, expect.stringContaining('certificate-revoked')]);
    const purpose = await check('--purpose', 'serverAuth');
    expect([purpose.code, purpose.stderr]).toEqual([2, expect.stringContaining('bad-certificate')]);
    const name = await check('--email', 'alice@example.com', '--host', 'example.com');
    expect([name.code, name.stderr]).toEqual([2, expect.stringContaining('is not for host')]);
    const late = await check('--at', '2030-01-01T00:00:00Z');
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('certificate-expired')]);
    const noAnswer = await check('--ocsp', sandbox.path('fresh.crl'));
    expect([noAnswer.code, noAnswer.stderr]).toEqual([2, expect.stringContaining('bad-certificate')]);
    expect(await check('--at', 'yesterday')).toMatchObject({ code: 1 });
  });
});
