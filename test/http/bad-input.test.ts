import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCsr } from '../../src/client/csr.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { formatBase64 } from '../../src/core/encoding/bytes.ts';
import { KEYTRANS_MEDIA_TYPE } from '../../src/contract/media-types.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { revokeToken, listTokens, createToken } from '../../src/service/log/tokens.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';
import { identityOf } from '../support/owner.ts';

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer();
});
afterAll(() => server.close());

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly text: string;
}

async function post(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  const text = await response.text();
  const isProblem = response.headers.get('content-type') === 'application/problem+json';
  const code = isProblem ? (JSON.parse(text) as { code: string }).code : undefined;
  return { status: response.status, code, text };
}

const bearer = () => ({ authorization: `Bearer ${server.log.token}` });

async function goodRequest(identity: string): Promise<Record<string, unknown>> {
  return { identity, csr: await createCsr(identityOf(identity), await generateKey()) };
}

describe('POST /v1/certificates', () => {
  const nested = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
  it.each([
    ['no JSON', 'not json', {}, 400, 'invalid-request'],
    ['no object', '[]', {}, 400, 'invalid-request'],
    ['deeply nested JSON', nested, {}, 400, 'invalid-request'],
    ['no UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), {}, 400, 'invalid-request'],
    ['nothing', '', {}, 400, 'invalid-request'],
    ['another media type', '{}', { 'content-type': 'text/plain' }, 415, 'unsupported-media-type'],
    ['a compressed body', '{}', { 'content-encoding': 'gzip' }, 415, 'unsupported-media-type'],
    ['too much', `{"identity":"${'a'.repeat(70_000)}"}`, {}, 413, 'payload-too-large'],
    ['a member nobody knows', '{"identity":"a@example.com","csr":"","x":1}', {}, 400, 'invalid-request'],
    ['a CSR that is none', '{"identity":"a@example.com","csr":"AAAA"}', {}, 400, 'invalid-request'],
    ['a malformed Authorization', '{}', { authorization: 'Basic Zm9v' }, 401, 'unauthenticated'],
  ])('refuses %s', async (_, body, headers, status, code) => {
    expect(await post(PATHS.certificates, body, headers as Record<string, string>)).toMatchObject({ status, code });
  });

  it('refuses names that do not canonicalise, and does not repeat them', async () => {
    for (const identity of [
      '',
      'a',
      'a@b',
      'a b@example.com',
      'a@exa\u0000mple.com',
      'ftp://x',
      `${'a'.repeat(300)}@example.com`,
    ]) {
      const request = { ...(await goodRequest('a@example.com')), identity };
      const answer = await post(PATHS.certificates, JSON.stringify(request), bearer());
      expect(answer.status).toBe(400);
      expect(['invalid-identity', 'invalid-request']).toContain(answer.code);
      if (identity.length > 2) expect(answer.text).not.toContain(identity);
    }
  });

  it('refuses a CSR for somebody else, and a damaged one', async () => {
    const request = await goodRequest('alice@example.com');
    const other = await post(PATHS.certificates, JSON.stringify({ ...request, identity: 'bob@example.com' }), bearer());
    expect(other).toMatchObject({ status: 400, code: 'csr-identity-mismatch' });
    const der = Buffer.from(String(request['csr']).replace(/-----[^-]+-----|\s/g, ''), 'base64');
    der[der.length - 5] = (der[der.length - 5] as number) ^ 1;
    const csr = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    const damaged = await post(PATHS.certificates, JSON.stringify({ ...request, csr }), bearer());
    expect(damaged).toMatchObject({ status: 400, code: 'bad-proof-of-possession' });
  });

  it('refuses an absent, a wrong and a revoked token, and says no more', async () => {
    const body = JSON.stringify(await goodRequest('tokens@example.com'));
    const { context } = server.log;
    const { token } = await createToken(context, 'to be revoked');
    const id = (await listTokens(context)).find(({ name }) => name === 'to be revoked')?.id as number;
    await revokeToken(context, id);
    for (const headers of [
      {},
      { authorization: `Bearer gkt_${'B'.repeat(43)}` },
      { authorization: `Bearer ${token}` },
    ]) {
      const answer = await post(PATHS.certificates, body, headers);
      expect(answer).toMatchObject({ status: 401, code: 'unauthenticated' });
      expect(answer.text).not.toContain(token);
    }
    const found = await (await server.client()).lookup('tokens@example.com');
    expect(found.found).toBe(false);
  });

  it('refuses a change that is not one', async () => {
    const request = await goodRequest('changes@example.com');
    const nonsense = formatBase64(new Uint8Array(40));
    const change = { request: nonsense, signer: formatBase64(new Uint8Array(32)), signature: nonsense };
    const answer = await post(PATHS.certificates, JSON.stringify({ ...request, change }), bearer());
    expect([400, 409, 404]).toContain(answer.status);
    expect(answer.code).toBeDefined();
  });
});

describe('the KEYTRANS operations', () => {
  const type = { 'content-type': KEYTRANS_MEDIA_TYPE };
  it.each([
    ['nothing', new Uint8Array(), 400, 'malformed-encoding'],
    ['a truncated request', Uint8Array.of(0, 5, 1), 400, 'malformed-encoding'],
    ['trailing bytes', Uint8Array.of(0, 1, 65, 0), 400, 'malformed-encoding'],
    ['a presence octet of 2', Uint8Array.of(2, 1, 65), 400, 'malformed-encoding'],
    ['too much', new Uint8Array(5000), 413, 'payload-too-large'],
    ['a tree that is too large', Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 65), 503, 'too-far-behind'],
    ['a tree of size 0', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 65), 400, 'invalid-request'],
  ])('refuse %s', async (_, body, status, code) => {
    expect(await post(PATHS.lookup, body, type)).toMatchObject({ status, code });
  });

  const everyPath = Object.entries(PATHS).filter(([, path]) => path.startsWith('/keytrans/'));
  it.each(everyPath)('refuse what is no request: %s', async (_, path) => {
    const bodies = [new Uint8Array(), Uint8Array.of(2), new Uint8Array(37).fill(0xff), new Uint8Array(4096)];
    for (const body of bodies) {
      expect(await post(path, body, type)).toMatchObject({ status: 400, code: 'malformed-encoding' });
    }
    expect(await post(path, new Uint8Array(18 * 1024), type)).toMatchObject({ status: 413, code: 'payload-too-large' });
    const untyped = await post(path, new Uint8Array(), { 'content-type': 'application/json' });
    expect(untyped).toMatchObject({ status: 415, code: 'unsupported-media-type' });
    const wrong = await fetch(server.url + path);
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('take no head of an auditor in a log that has none', async () => {
    const head = new Uint8Array(8 + 8 + 2);
    head[15] = 1;
    expect(await post(PATHS.auditorHead, head, type)).toMatchObject({ status: 400, code: 'unsupported-operation' });
  });

  it('never answer a plain search for a missing label with anything but a problem', async () => {
    expect(await post(PATHS.search, Uint8Array.of(0, 1, 65, 0), type)).toMatchObject({
      status: 404,
      code: 'search-not-found',
    });
  });

  it('refuse chains that are empty, backwards, too long or not there', async () => {
    const chain = (first: number, last: number) => {
      const bytes = new Uint8Array(10);
      bytes.set([1, 65]);
      new DataView(bytes.buffer).setUint32(2, first);
      new DataView(bytes.buffer).setUint32(6, last);
      return post(PATHS.chain, bytes, type);
    };
    expect(await chain(1, 0)).toMatchObject({ code: 'invalid-request' });
    expect(await chain(0, 0xffff_ffff)).toMatchObject({ code: 'invalid-request' });
    expect(await chain(0, 0)).toMatchObject({ status: 404, code: 'search-not-found' });
  });
});

describe('everything else', () => {
  it('is a problem with a code', async () => {
    for (const path of [
      '/nothing',
      '/log/tile/0/000',
      '/log/tile/0/999',
      '/log/tile/99/000',
      '/log/tile/entries/x/y',
      '/log/updates/999',
      '/log/head/0',
      '/log/head/99999',
      '/log/proof/0',
      '/log/proof/99999',
      '/log/proof/1x',
      '/log/tile/0/000.p/300',
      '/crl/issuer/999999999.crl',
      '/crl/issuer/01.crl',
      '/crl/issuer/99999999999999999999.crl',
      '/crl/issuer/0-delta',
      '/crl/issuers/issuer/0.crl',
      '/crl/issuers/issuer-2/0.crl',
      '/%00',
      '/log/tile/../../etc/passwd',
    ]) {
      const response = await fetch(server.url + path);
      expect([path, response.status]).toEqual([path, 404]);
      expect(await response.json()).toMatchObject({ code: 'not-found', status: 404 });
    }
    const wrong = await fetch(server.url + PATHS.certificates);
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('bounds headers', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(
        server.url + PATHS.health,
        { headers: { 'x-long': 'a'.repeat(40_000) } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      request.on('error', reject);
      request.end();
    });
    expect(status).toBe(431);
  });

  it('never shows what broke inside', async () => {
    const { store } = server.log.context;
    const original = store.readLabelAt;
    store.readLabelAt = () => Promise.reject(new Error('password=hunter2 at /srv/secret.ts:1'));
    try {
      const answer = await post(PATHS.lookup, Uint8Array.of(0, 1, 66), { 'content-type': KEYTRANS_MEDIA_TYPE });
      expect(answer).toMatchObject({ status: 500, code: 'internal' });
      expect(answer.text).not.toMatch(/hunter2|secret|\.ts/);
      expect(server.errors.length).toBeGreaterThan(0);
    } finally {
      store.readLabelAt = original;
    }
  });
});
