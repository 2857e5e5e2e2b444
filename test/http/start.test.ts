import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestServer, type TestServer } from '../support/test-server.ts';

/** Greatest size of the explorer with its verifier, gzipped. */
const BUDGET_BYTES = 200 * 1024;

let server: TestServer;
let bare: TestServer;
beforeAll(async () => {
  server = await createTestServer({ explorer: true });
  bare = await createTestServer();
});
afterAll(async () => {
  await server.close();
  await bare.close();
});

const get = (accept: string, { url } = server) => fetch(url, { headers: { accept } });
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

describe('the path /', () => {
  it('is the explorer for a browser, which may load its own files and nothing else', async () => {
    const response = await get(BROWSER);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('vary')).toBe('accept');
    const policy = response.headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    const page = await response.text();
    expect(page).toContain('log.example');
    expect(page).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=|\{\{/);
    const sources = [...page.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, source]) => source!);
    expect(sources.filter((source) => !/^(?:\/|data:image\/svg)/.test(source))).toEqual([]);
  });

  it('loads less than 200 KB, compressed and for ever', async () => {
    const page = await (await get(BROWSER)).text();
    const assets = [...page.matchAll(/"(\/explorer\/[^"]+)"/g)].map(([, path]) => path!);
    expect(assets).toHaveLength(2);
    let total = gzipSync(page).length;
    for (const path of assets) {
      const packed = await fetch(server.url + path, { headers: { 'accept-encoding': 'gzip' } });
      expect([packed.status, packed.headers.get('content-encoding')]).toEqual([200, 'gzip']);
      expect(packed.headers.get('cache-control')).toContain('immutable');
      const plain = await fetch(server.url + path, { headers: { 'accept-encoding': 'gzip;q=0' } });
      expect(plain.headers.get('content-encoding')).toBeNull();
      const bytes = new Uint8Array(await plain.arrayBuffer());
      expect(Buffer.from(await packed.arrayBuffer()).equals(bytes)).toBe(true);
      total += gzipSync(bytes, { level: 9 }).length;
    }
    expect(total).toBeLessThan(BUDGET_BYTES);
    expect((await fetch(`${server.url}/explorer/explorer.js`)).status).toBe(404);
  });

  it('tells a program where to begin', async () => {
    const text = await (await get('*/*')).text();
    expect(text).toMatch(/^Glasskey: .*log\.example\./);
    expect(text).toContain('/docs');
    const json = await get('application/json');
    expect(await json.json()).toMatchObject({ origin: 'log.example', openapi: '/openapi.json' });
  });

  it('is the page /docs for a browser, if the operator turned the explorer off', async () => {
    const page = await (await get(BROWSER, bare)).text();
    expect(page).toContain('<h2>Operations</h2>');
    expect((await fetch(`${bare.url}/explorer/explorer.js`)).status).toBe(404);
    expect(await (await get('*/*', bare)).text()).toContain('Glasskey: ');
  });
});
