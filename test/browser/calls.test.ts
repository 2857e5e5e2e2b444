import { resolve } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumMissing, launchChromium } from '../support/chromium.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const missing = chromiumMissing();
const title = missing === undefined ? 'calls in chromium' : `calls in chromium (${missing})`;

/** The page's code: an ES module that puts the functions of `call-page.mjs` into `callPage`. */
async function bundlePage(): Promise<string> {
  const result = await build({
    stdin: {
      contents: `import * as callPage from './call-page.mjs'; Object.assign(globalThis, { callPage });`,
      resolveDir: import.meta.dirname,
    },
    alias: { 'glasskey/calls': `${ROOT}/src/client/calls/index.ts` },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  });
  return result.outputFiles[0]?.text ?? '';
}

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    server = await createTestServer({ configuration: { maxBehindMs: 86_400_000 } });
    browser = await launchChromium(['--disable-features=WebRtcHideLocalIpsWithMdns']);
    page = await browser.newPage();
    const code = await bundlePage();
    await page.route(`${server.url}/page.html`, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>page</title>' }),
    );
    await page.goto(`${server.url}/page.html`);
    await page.addScriptTag({ type: 'module', content: code });
    await page.waitForFunction(() => 'callPage' in globalThis);
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
  });

  /** Calls a function of the page. */
  function run(name: string, options: object): Promise<unknown> {
    const all = { server: server.url, token: server.log.token, nowMs: server.log.clock.now(), ...options };
    return page.evaluate(
      ([key, argument]) => {
        const { callPage } = globalThis as unknown as { callPage: Record<string, (one: unknown) => Promise<unknown>> };
        return callPage[key]?.(argument);
      },
      [name, all] as const,
    );
  }

  it('connect two people by the code of the guide, and hold the connection to what they signed', async () => {
    const outcome = await run('signedCall', { swap: false });
    expect(outcome).toEqual({ reached: true, rang: true, roles: ['caller', 'callee'] });
  });

  it('end at a description whose fingerprint a server on the way has changed', async () => {
    await expect(run('signedCall', { swap: true })).resolves.toEqual({ code: 'call-mismatch', rang: true });
  });

  it.each([
    { mimeType: 'video/VP8', codec: 'vp8' },
    { mimeType: 'video/VP9', codec: 'opaque' },
  ])('carry $mimeType through SFrame, which who has left cannot play', async (options) => {
    const outcome = await run('encryptedVideo', options);
    expect(outcome).toMatchObject({ stopped: true, sent: { dropped: 0 } });
    const { decoded, opened } = outcome as { readonly decoded: number; readonly opened: { readonly dropped: number } };
    expect(decoded).toBeGreaterThanOrEqual(20);
    expect(opened.dropped).toBeGreaterThanOrEqual(5);
  });
});
