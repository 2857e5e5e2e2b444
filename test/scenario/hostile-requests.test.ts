import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatPem } from '../../src/ca/der/pem.ts';
import type { CertificateOrder } from '../../src/service/issuance/requests.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';
import { csrFor, newDeviceKey, provedVersion } from '../support/owner.ts';

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer();
});
afterAll(() => server.close());

const code = (expected: string) => expect.objectContaining({ code: expected });

/** An order for a new key of an identity. */
async function orderFor(identity: string): Promise<Omit<CertificateOrder, 'token'>> {
  const csr = await csrFor(await newDeviceKey(), identity);
  return { identity, csr, change: undefined, last: undefined };
}

describe('somebody else with a CSR that they found', () => {
  it('cannot make the application’s own request fail', async () => {
    const { service, token } = server.log;
    const order = await orderFor('sniffed@example.com');
    const [stranger, application] = await Promise.allSettled([
      service.issue({ ...order, token: undefined }),
      service.issue({ ...order, token }),
    ]);
    expect(stranger).toMatchObject({ status: 'rejected', reason: code('unauthenticated') });
    expect(application).toMatchObject({ status: 'fulfilled', value: { version: 0 } });
  });

  it('gets what is public, and makes no version', async () => {
    const { service, token } = server.log;
    const order = await orderFor('replayed@example.com');
    const first = await service.issue({ ...order, token });
    const again = await service.issue({ ...order, token: undefined });
    expect(again.serial).toBe(first.serial);
    expect(provedVersion(order.identity, again, server.log).version).toBe(0);
  });

  it('cannot get a certificate for a key that was revoked', async () => {
    const { service, token } = server.log;
    const order = await orderFor('revoked@example.com');
    const { identity } = order;
    await service.issue({ ...order, token });
    await service.revoke({ identity, serials: 'all', reason: 1, token, change: undefined, last: undefined });
    for (const who of [undefined, token]) {
      await expect(service.issue({ ...order, token: who })).rejects.toThrow(code('change-required'));
    }
  });
});

describe('a hostile request', () => {
  const post = (path: string, body: string, headers: Record<string, string>) =>
    fetch(server.url + path, { method: 'POST', body, headers });

  it('is refused with a code and without an echo', async () => {
    const json = { 'content-type': 'application/json' };
    const secret = `gkt_${'S'.repeat(43)}`;
    const csr = formatPem('CERTIFICATE REQUEST', (await orderFor('echo@example.com')).csr as Uint8Array);
    const body = JSON.stringify({ identity: 'echo@example.com', csr });
    const cases: [Promise<Response>, number, string][] = [
      [post('/v1/certificates', body, { ...json, authorization: `Bearer ${secret}` }), 401, 'unauthenticated'],
      [post('/v1/certificates', body, { ...json, authorization: `Basic ${secret}` }), 401, 'unauthenticated'],
      [post('/v1/certificates', body, { ...json, authorization: 'Bearer ' }), 401, 'unauthenticated'],
      [post('/v1/certificates', `{"__proto__": {"identity": "${secret}"}}`, json), 400, 'invalid-request'],
      [post('/v1/certificates', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, json), 400, 'invalid-request'],
      [post('/v1/certificates', body, { 'content-type': 'text/plain' }), 415, 'unsupported-media-type'],
      [post('/v1/certificates', 'x'.repeat(70_000), json), 413, 'payload-too-large'],
      [post('/V1/certificates', body, json), 404, 'not-found'],
      [post('/v1/certificates/', body, json), 404, 'not-found'],
      [post('/v1%2fcertificates', body, json), 404, 'not-found'],
      [post('/v1/certificates%00', body, json), 404, 'not-found'],
      [fetch(`${server.url}/v1/certificates`), 405, 'method-not-allowed'],
      [fetch(`${server.url}/log/tile/0/..%2f..%2fcheckpoint`), 404, 'not-found'],
      [fetch(`${server.url}/log/tile/0/x001/%30%30%30`), 404, 'not-found'],
      [fetch(`${server.url}/log/head/9007199254740993`), 404, 'not-found'],
      [fetch(`${server.url}/log/head/1e1`), 404, 'not-found'],
      [fetch(`${server.url}/%E0%A4%A`), 404, 'not-found'],
    ];
    for (const [asked, status, expected] of cases) {
      const response = await asked;
      const text = await response.text();
      expect({ status: response.status, code: (JSON.parse(text) as { code: string }).code }).toEqual({
        status,
        code: expected,
      });
      expect(text).not.toContain(secret);
      expect(text).not.toMatch(/\bat .*\.(?:ts|js):/);
    }
  });
});
