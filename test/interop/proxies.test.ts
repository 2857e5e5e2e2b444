import { existsSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { derSequence } from '../../src/ca/der/der-writer.ts';
import { encodeCertId } from '../../src/ca/ocsp/cert-id.ts';
import { createOcspFailure } from '../../src/ca/ocsp/create-ocsp-response.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { formatBase64, formatHex } from '../../src/core/encoding/bytes.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import { programMissing } from '../support/openssl.ts';
import { type ProxyProcess, startCaddy, startNginx, startNginxWith } from '../support/proxy-process.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const inCi = process.env['CI'] !== undefined;
const NO_NGINX = inCi || existsSync('/usr/sbin/nginx') ? undefined : 'nginx is not installed';
const NO_CADDY = inCi ? undefined : programMissing('caddy', 'version');
const because = (name: string, reason: string | undefined): string =>
  reason === undefined ? name : `${name}: ${reason}`;

/** Requests that one address may make. */
const BURST = 8;

let server: TestServer;
let proxy: ProxyProcess | undefined;

async function serve(): Promise<number> {
  server = await createTestServer({
    rateLimits: {
      perClient: { perSecond: 0.001, burst: BURST },
      perApplication: undefined,
      trustedProxies: ['127.0.0.1/32'],
    },
  });
  return Number(new URL(server.url).port);
}

async function close(): Promise<void> {
  await proxy?.stop();
  await server.close();
}

/** Asks the proxy with TLS, from an address of this machine. */
function through({ certificate, httpsPort }: ProxyProcess, localAddress: string): Fetch {
  const agent = new Agent({ ca: certificate, keepAlive: true, localAddress });
  return async (url, { method = 'GET', headers = {}, body }) => {
    const { pathname } = new URL(url);
    const path = url.slice(url.indexOf(pathname.slice(0, 4), 'https://'.length));
    const options = {
      agent,
      method,
      path,
      host: 'localhost',
      port: httpsPort,
      headers: headers as Record<string, string>,
    };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request(options, resolve)
        .once('error', reject)
        .end(body as string | Uint8Array | undefined);
    });
    const answered = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const);
    const status = response.statusCode ?? 0;
    return new Response(new Uint8Array(await buffer(response)), {
      status,
      headers: new Headers(answered as [string, string][]),
    });
  };
}

const SERIAL = '41ffff0304050607fffffe0b0c0d0e0f';

/** A question about a certificate of the log, whose base64 holds slashes in a row. */
function ocspPath(): { readonly path: string; readonly certId: string } {
  const { keys, store } = server.log.context;
  store.findStatus = (serial) => Promise.resolve({ issued: serial === SERIAL, revocation: undefined });
  const certId = encodeCertId(keys.issuer.certificate, SERIAL);
  const path = formatBase64(derSequence(derSequence(derSequence(derSequence(certId)))));
  expect(path).toContain('//');
  return { path, certId: formatHex(certId) };
}

describe.each([
  { name: 'nginx', start: startNginx, missing: NO_NGINX },
  { name: 'Caddy', start: startCaddy, missing: NO_CADDY },
])('behind $name, configured as the guide says', ({ start, missing }) => {
  describe.skipIf(missing !== undefined)(because('a server', missing), () => {
    beforeAll(async () => {
      proxy = await start(await serve());
    });
    afterAll(close);
    const ask = (path: string, localAddress = '127.0.0.1', init: RequestInit = {}) => {
      if (proxy === undefined) throw new Error('no proxy');
      return through(proxy, localAddress)(`https://localhost${path}`, init);
    };

    it('registers, waits for the log, and answers lookups', async () => {
      if (proxy === undefined) throw new Error('no proxy');
      const fetch = through(proxy, '127.0.0.2');
      const { now } = server.log.clock;
      const client = await KeyDirectory.open({ server: 'https://localhost', fetch, state: new MemoryState(), now });
      await client.register('alice@example.com', { token: server.log.token, key: await generateKey() });
      await expect(client.lookup('alice@example.com')).resolves.toMatchObject({ found: true, binding: { version: 0 } });
    });

    it.each([
      ['as it is', (path: string) => path],
      ['percent-encoded', encodeURIComponent],
    ])('answers an OCSP request in a path with two slashes, %s', async (_, written) => {
      const { path, certId } = ocspPath();
      const answer = await ask(`${PATHS.ocsp}/${written(path)}`);
      expect(formatHex(new Uint8Array(await answer.arrayBuffer()))).toContain(certId);
    });

    it('counts requests by the client’s address, whatever a client says that it is', async () => {
      const submit = (from: string, forwarded: string) =>
        ask(PATHS.certificates, from, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-forwarded-for': forwarded },
          body: '{}',
        });
      for (let i = 0; i < BURST; i++) expect((await submit('127.0.0.3', `192.0.2.${i}`)).status).toBe(400);
      expect((await submit('127.0.0.3', '192.0.2.99')).status).toBe(429);
      expect((await submit('127.0.0.4', '127.0.0.3')).status).toBe(400);
    });

    it('shows nobody the metrics, and serves what certificates name without TLS, too', async () => {
      expect((await ask(PATHS.metrics)).status).toBe(404);
      const plain = `http://localhost:${proxy?.httpPort}`;
      expect((await fetch(plain + PATHS.issuerCrl)).status).toBe(200);
      const { path, certId } = ocspPath();
      const answer = await fetch(`${plain}${PATHS.ocsp}/${path}`);
      expect(formatHex(new Uint8Array(await answer.arrayBuffer()))).toContain(certId);
      expect((await fetch(plain + PATHS.ready, { redirect: 'manual' })).status).toBe(308);
    });
  });
});

describe.skipIf(NO_NGINX !== undefined)(because('below a prefix of nginx, which merges slashes', NO_NGINX), () => {
  beforeAll(async () => {
    const port = await serve();
    proxy = await startNginxWith(
      (httpPort) => `server { listen 127.0.0.1:${httpPort};
        location /pki/ { proxy_pass http://127.0.0.1:${port}/; }
        location /doubled { proxy_pass http://127.0.0.1:${port}/; } }`,
    );
  });
  afterAll(close);

  it.each(['/pki', '/doubled'])('an OCSP request is answered (%s)', async (prefix) => {
    const { path, certId } = ocspPath();
    const answer = await fetch(`http://127.0.0.1:${proxy?.httpPort}${prefix}${PATHS.ocsp}/${path}`);
    const bytes = formatHex(new Uint8Array(await answer.arrayBuffer()));
    expect(bytes).not.toBe(formatHex(createOcspFailure('malformedRequest')));
    expect(bytes).toContain(certId);
  });
});
