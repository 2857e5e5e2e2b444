import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCertificate } from '../../src/ca/certificate.ts';
import { parsePem } from '../../src/ca/der/pem.ts';
import { generateKey, importKey } from '../../src/client/client-key.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import { openOpensslWorld, type OpensslWorld, programMissing } from '../support/openssl.ts';
import type { TestServer } from '../support/test-server.ts';

const missing = programMissing('openssl', 'version');
const title = missing === undefined ? 'openssl' : `openssl (${missing})`;

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let world: OpensslWorld;
  let server: TestServer;
  let client: KeyDirectory;
  let folder: string;
  let openssl: OpensslWorld['openssl'];

  const verify = (...args: string[]): string =>
    openssl('verify', '-x509_strict', ...world.attime(), '-CAfile', 'root.pem', '-untrusted', 'issuer.pem', ...args);

  beforeAll(async () => {
    world = await openOpensslWorld();
    ({ server, client, folder, openssl } = world);
  });
  afterAll(() => world.close());

  const kinds: [string, string[]][] = [
    ['p256', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']],
    ['p384', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384']],
    ['ed25519', ['-algorithm', 'ED25519']],
    ['rsa2048', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']],
    ['rsa4096', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:4096']],
  ];

  it.each(kinds)('makes a CSR for %s that registers, and accepts the chain and the CRL', async (name, keyOptions) => {
    const identity = `${name}@example.com`;
    openssl('genpkey', ...keyOptions, '-out', `${name}.key`);
    const san = `subjectAltName=email:${identity}`;
    openssl('req', '-new', '-key', `${name}.key`, '-subj', '/', '-addext', san, '-out', `${name}.csr`);
    expect(openssl('req', '-in', `${name}.csr`, '-verify', '-noout', '-text')).toContain(identity);
    const csr = readFileSync(join(folder, `${name}.csr`), 'utf8');
    const issued = await client.register(identity, { token: server.log.token, csr });
    writeFileSync(join(folder, `${name}.pem`), issued.certificate);
    expect(verify(`${name}.pem`)).toContain('OK');
    expect(verify('-purpose', 'sslclient', `${name}.pem`)).toContain('OK');
    expect(verify('-purpose', 'smimesign', `${name}.pem`)).toContain('OK');

    server.log.clock.advance(5_000);
    await world.fetchCrl();
    expect(verify('-crl_check', '-CRLfile', 'crl.pem', `${name}.pem`)).toContain('OK');

    // The owner's key, in a file that openssl wrote, signs the revocation.
    const key = await importKey(
      readFileSync(join(folder, `${name}.key`), 'utf8'),
      issued.binding.certificates[0]!.spki,
    );
    await client.revoke(identity, key, { reason: 'keyCompromise' });
    server.log.clock.advance(5_000);
    await world.fetchCrl();
    expect(() => verify('-crl_check', '-CRLfile', 'crl.pem', `${name}.pem`)).toThrow(/certificate revoked/);
    expect(openssl('crl', '-in', 'crl.pem', '-noout', '-text')).toContain('Key Compromise');
  });

  it('finds a revocation on the CRL that a certificate names, or in its delta', async () => {
    const identity = 'delta@example.com';
    const key = await generateKey();
    const { certificate } = await client.register(identity, { token: server.log.token, key });
    writeFileSync(join(folder, 'delta-user.pem'), certificate);
    const [url = ''] = parseCertificate(parsePem('CERTIFICATE', certificate)).crlUrls;
    const fetchTo = async (name: string, from: string): Promise<void> => {
      server.log.clock.advance(5_000);
      const response = await fetch(server.url + new URL(from).pathname);
      expect(response.status).toBe(200);
      writeFileSync(join(folder, `${name}.der`), new Uint8Array(await response.arrayBuffer()));
      openssl('crl', '-inform', 'DER', '-in', `${name}.der`, '-out', `${name}.pem`);
    };
    const deltaUrl = url.replace('.crl', '-delta.crl');
    await fetchTo('base', url);
    expect(verify('-crl_check', '-CRLfile', 'base.pem', 'delta-user.pem')).toContain('OK');
    expect(openssl('crl', '-in', 'base.pem', '-noout', '-text')).toContain(`URI:${deltaUrl}`);
    await client.revoke(identity, key, { reason: 'superseded' });
    await fetchTo('now', url);
    expect(() => verify('-crl_check', '-CRLfile', 'now.pem', 'delta-user.pem')).toThrow(/certificate revoked/);
    await fetchTo('delta', deltaUrl);
    writeFileSync(
      join(folder, 'both.pem'),
      ['base', 'delta'].map((name) => readFileSync(join(folder, `${name}.pem`), 'utf8')).join(''),
    );
    const checks = ['-crl_check', '-extended_crl', '-use_deltas', '-CRLfile', 'both.pem'];
    expect(() => verify(...checks, 'delta-user.pem')).toThrow(/certificate revoked/);
  });

  it('makes weak requests, which are refused', async () => {
    const weak: [string, string[], string[]][] = [
      ['rsa1024', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'], []],
      ['secp256k1', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'], []],
      ['p521', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'], []],
      ['sha1', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'], ['-sha1']],
    ];
    for (const [name, keyOptions, requestOptions] of weak) {
      const identity = `${name}@example.com`;
      openssl('genpkey', ...keyOptions, '-out', `${name}.key`);
      const san = `subjectAltName=email:${identity}`;
      openssl(
        'req',
        '-new',
        '-key',
        `${name}.key`,
        '-subj',
        '/',
        '-addext',
        san,
        ...requestOptions,
        '-out',
        `${name}.csr`,
      );
      const csr = readFileSync(join(folder, `${name}.csr`), 'utf8');
      await expect(client.register(identity, { token: server.log.token, csr })).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:weak-key|bad-csr)$/) as string,
      });
    }
  });
});
