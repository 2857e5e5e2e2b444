import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { openOpensslWorld, type OpensslWorld, programMissing } from '../support/openssl.ts';
import type { TestServer } from '../support/test-server.ts';

const missing = programMissing('openssl', 'version');
const title = missing === undefined ? 'openssl ocsp' : `openssl ocsp (${missing})`;

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let world: OpensslWorld;
  let server: TestServer;
  let client: KeyDirectory;
  let folder: string;

  /** Asks the responder about a certificate; openssl verifies the response. */
  const ocsp = (certificate: string, ...args: string[]): Promise<string> => {
    const url = server.url + PATHS.ocsp;
    const question = ['ocsp', '-issuer', 'issuer.pem', '-cert', certificate, '-url', url];
    const trust = ['-CAfile', 'root.pem', '-verify_other', 'issuer.pem'];
    return world.opensslAsync(...question, ...trust, ...world.attime(), '-validity_period', '1000000000', ...args);
  };

  beforeAll(async () => {
    world = await openOpensslWorld();
    ({ server, client, folder } = world);
  });
  afterAll(() => world.close());

  it.each([
    ['with a nonce', []],
    ['without a nonce', ['-no_nonce']],
  ])('gets good, and revoked with its reason, %s', async (name, args) => {
    const identity = `${name.replaceAll(' ', '-')}@example.com`;
    const key = await generateKey();
    const issued = await client.register(identity, { token: server.log.token, key });
    writeFileSync(join(folder, 'leaf.pem'), issued.certificate);
    const good = await ocsp('leaf.pem', ...args);
    expect(good).toContain('Response verify OK');
    expect(good).toContain('leaf.pem: good');
    expect(good).not.toContain('WARNING');
    const { token } = server.log;
    await server.log.service.revoke({ identity, token, change: undefined, last: undefined, serials: 'all', reason: 1 });
    server.log.clock.advance(2_000);
    const revoked = await ocsp('leaf.pem', ...args);
    expect(revoked).toContain('Response verify OK');
    expect(revoked).toMatch(/leaf.pem: revoked[^]*Reason: keyCompromise/);
  });

  it('gets unknown for a serial that was never issued, also by SHA-256', async () => {
    const answer = await ocsp('leaf.pem', '-sha256', '-issuer', 'issuer.pem', '-serial', '0x4142');
    expect(answer).toContain('Response verify OK');
    expect(answer).toContain('0x4142: unknown');
  });

  it('gets nothing about another issuer', async () => {
    const asked = ocsp('issuer.pem', '-issuer', 'root.pem', '-cert', 'issuer.pem', '-no_nonce');
    const error: unknown = await asked.catch((cause: unknown) => cause);
    expect(error).toMatchObject({ stdout: expect.stringMatching(/unauthorized \(6\)/) });
  });

  it('gets the same by GET, with the headers of RFC 5019', async () => {
    world.openssl('ocsp', '-issuer', 'issuer.pem', '-cert', 'leaf.pem', '-no_nonce', '-reqout', 'request.der');
    const request = world.openssl('base64', '-A', '-in', 'request.der');
    const response = await fetch(`${server.url}${PATHS.ocsp}/${encodeURIComponent(request)}`);
    expect(response.headers.get('content-type')).toBe('application/ocsp-response');
    expect(response.headers.get('cache-control')).toBe('max-age=60, public, no-transform, must-revalidate');
    expect(response.headers.get('etag')).toMatch(/^"[0-9a-f]{32}"$/);
    expect(Date.parse(response.headers.get('expires') ?? '')).toBeGreaterThan(server.log.clock.now());
    expect(Date.parse(response.headers.get('last-modified') ?? '')).toBeLessThanOrEqual(server.log.clock.now());
    writeFileSync(join(folder, 'response.der'), new Uint8Array(await response.arrayBuffer()));
    const text = world.openssl('ocsp', '-respin', 'response.der', '-noverify', '-text');
    expect(text).toContain('Cert Status: revoked');
    expect(text).toContain('OCSP Signing');
    expect(text).toContain('OCSP No Check');
  });

  it('refuses what is too large, or no OCSP request', async () => {
    const post = (body: Uint8Array<ArrayBuffer>, type: string) =>
      fetch(server.url + PATHS.ocsp, { method: 'POST', body, headers: { 'content-type': type } });
    expect((await post(new Uint8Array(5_000), 'application/ocsp-request')).status).toBe(413);
    expect((await post(new Uint8Array(10), 'text/plain')).status).toBe(415);
    expect((await fetch(`${server.url}${PATHS.ocsp}/${'A'.repeat(1_025)}`)).status).toBe(413);
    for (const path of ['AAAA', '%ff', '*', 'AA/BB']) {
      const response = await fetch(`${server.url}${PATHS.ocsp}/${path}`);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(Buffer.from(await response.arrayBuffer()).toString('hex')).toBe('30030a0101');
    }
  });
});
