import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditLog } from '../../src/client/audit/audit-log.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { parseCheckpoint } from '../../src/core/audit/checkpoint.ts';
import { parseNote } from '../../src/core/audit/note.ts';
import { createApp } from '../../src/http/app.ts';
import { openApiDocument } from '../../src/http/openapi-document.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer();
  const client = await server.client();
  for (const name of ['a', 'b', 'c']) {
    await client.register(`${name}@example.com`, { token: server.log.token, key: await generateKey() });
  }
});
afterAll(() => server.close());

const get = (path: string, headers: Record<string, string> = {}) => fetch(server.url + path, { headers });

async function size(): Promise<number> {
  return parseCheckpoint(parseNote(await (await get(PATHS.checkpoint)).text()).text).size;
}

describe('static resources', () => {
  it('exist for the checkpoint that is served, with immutable caching', async () => {
    const width = await size();
    for (const path of [
      `/log/tile/0/000.p/${width}`,
      `/log/tile/entries/000.p/${width}`,
      '/log/updates/000',
      `/log/head/${width}`,
      `/log/proof/${width}`,
    ]) {
      const response = await get(path);
      expect([path, response.status]).toEqual([path, 200]);
      expect(response.headers.get('cache-control')).toContain('immutable');
    }
    const tile = new Uint8Array(await (await get(`/log/tile/0/000.p/${width}`)).arrayBuffer());
    expect(tile.length).toBe(32 * width);
    const beyond = await get(`/log/tile/0/000.p/${width + 1}`);
    expect([beyond.status, beyond.headers.get('cache-control')]).toEqual([404, 'no-store']);
  });

  it('give updates compressed or not, as the client likes', async () => {
    const plain = await get('/log/updates/001', { 'accept-encoding': 'identity' });
    const packed = await get('/log/updates/001', { 'accept-encoding': 'gzip' });
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    const update = Buffer.from(await plain.arrayBuffer());
    expect(update).toEqual(Buffer.from(await packed.arrayBuffer()));
    const etag = `W/"${createHash('sha256').update(update).digest('hex')}"`;
    expect([plain, packed].map(({ headers }) => headers.get('etag'))).toEqual([etag, etag]);
    const held = await get('/log/updates/001', { 'if-none-match': `"x", ${etag}` });
    expect([held.status, held.headers.get('etag'), await held.text()]).toEqual([304, etag, '']);
  });

  it('pass an audit from outside', async () => {
    const report = await auditLog({ baseUrl: server.url, bundle: server.bundle.bundle, now: server.log.clock.now });
    expect(report).toMatchObject({ treeSize: await size(), updates: 3 });
  });

  it('include CA certificates, a CRL and the trust bundle', async () => {
    for (const path of [PATHS.rootPem, PATHS.issuerPem]) {
      expect(await (await get(path)).text()).toMatch(/^-----BEGIN CERTIFICATE-----\n/);
    }
    for (const path of [PATHS.rootDer, PATHS.issuerDer, PATHS.issuerCrl]) {
      expect(new Uint8Array(await (await get(path)).arrayBuffer())[0]).toBe(0x30);
    }
    expect(await (await get(PATHS.trustBundle)).json()).toMatchObject({ origin: 'log.example' });
  });

  it('send a CRL once to who says which one it has', async () => {
    const path = '/crl/issuer/0.crl';
    const etag = (await get(path)).headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    for (const held of [etag, `W/${etag}`, `"x", ${etag}`]) {
      const same = await get(path, { 'if-none-match': held });
      expect([same.status, same.headers.get('etag'), await same.text()]).toEqual([304, etag, '']);
    }
    expect((await get(path, { 'if-none-match': '"x"' })).status).toBe(200);
    const delta = await get('/crl/issuer/0-delta.crl', { 'if-none-match': etag });
    expect([delta.status, delta.headers.get('etag') === etag]).toEqual([200, false]);
  });
});

describe('operations', () => {
  it('tell health, readiness and metrics', async () => {
    expect(await (await get(PATHS.health)).json()).toEqual({ status: 'ok' });
    const ready = await get(PATHS.ready);
    expect(await ready.json()).toMatchObject({ status: 'ready' });
    expect(ready.status).toBe(200);
    const metrics = await (await get(PATHS.metrics)).text();
    expect(metrics).toMatch(/glasskey_log_released_size \d+/);
    expect(metrics).toMatch(/glasskey_self_verified_total\{result="failed"\} 0/);
    expect(metrics).toContain('glasskey_http_request_seconds_count{route="/v1/certificates",status="201"} 3');
    expect(metrics).not.toContain('example.com');
  });

  it('say not ready when the database does not answer, and when the log stands still', async () => {
    const { service, store } = server.log;
    const original = store.ping;
    store.ping = () => Promise.reject(new Error('down'));
    try {
      const response = await get(PATHS.ready);
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({
        checks: [{ name: 'database', ok: false }, { ok: true }, { ok: true }],
      });
    } finally {
      store.ping = original;
    }
    await service.sequencer.stop();
    server.log.clock.advance(700_000);
    const stale = await get(PATHS.ready);
    expect(await stale.json()).toMatchObject({ status: 'not ready', checks: [{}, {}, { name: 'log', ok: false }] });
    server.log.clock.advance(-700_000);
  });
});

describe('the OpenAPI document', () => {
  it('has exactly the routes of the API', () => {
    const app = createApp({
      service: server.log.service,
      documents: { root: new Uint8Array(), issuer: new Uint8Array(), trustBundle: '{}' },
      metrics: server.metrics,
      ping: () => Promise.resolve(),
    });
    const routes = app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(
        ({ method, path }) =>
          `${method} ${path
            .replace(/(head|proof)\/\*/, '$1/{size}')
            .replace('*', '{path}')
            .replace(':id', '{id}')}`,
      );
    const paths = openApiDocument()['paths'] as Record<string, Record<string, unknown>>;
    const documented = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.sort()).toEqual([...new Set(routes)].sort());
  });

  it('is served', async () => {
    expect(await (await get(PATHS.openapi)).json()).toMatchObject({ openapi: '3.1.0' });
  });

  it('is a page for people, which may load and run nothing', async () => {
    for (const path of [PATHS.start, PATHS.docs]) {
      const response = await get(path, { accept: 'text/html' });
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      const policy = response.headers.get('content-security-policy')!;
      expect(policy).toContain("default-src 'none'");
      const page = await response.text();
      const style = /<style>([^]*?)<\/style>/.exec(page)![1]!;
      expect(policy).toContain(`'sha256-${createHash('sha256').update(style).digest('base64')}'`);
      expect(page).toContain('log.example');
      expect(page).not.toMatch(/<script|src=|undefined|\[object/);
      for (const documented of Object.keys(openApiDocument()['paths'] as object)) {
        expect(page).toContain(`<code>${documented}</code>`);
      }
      const targets = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
      for (const [, name] of page.matchAll(/href="#([^"]+)"/g)) expect(targets).toContain(name);
    }
  });
});
