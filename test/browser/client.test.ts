import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { exportState, importState } from '../../src/client/state/state-transfer.ts';
import { Chromium, chromiumMissing, loadClient, type TestPage } from '../support/chromium.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const missing = chromiumMissing();
const title = missing === undefined ? 'the client in chromium' : `the client in chromium (${missing})`;

/** What a page reports of a lookup. */
interface Seen {
  readonly found: boolean;
  readonly type?: string | undefined;
  readonly version?: number | undefined;
  readonly spkiSha256?: string | undefined;
  readonly trustOrigin: string;
  /** Size of the tree that the state held before. */
  readonly sizeBefore: number | undefined;
}

/** The code of the error with which looking an identity up fails in the page. */
function lookupFailure(page: Page, identity: string): Promise<string> {
  return page.evaluate(async (name) => {
    const { glasskey, nowMs, location } = globalThis as unknown as TestPage;
    const state = new glasskey.IndexedDbState();
    const directory = await glasskey.KeyDirectory.open({ server: location.origin, state, now: () => nowMs });
    return directory.lookup(name).then(
      () => 'none',
      (error: unknown) => (glasskey.isGlasskeyError(error) ? error.code : String(error)),
    );
  }, identity);
}

/** Looks an identity up in the page, with its state in IndexedDB. */
function lookup(page: Page, identity: string): Promise<Seen> {
  return page.evaluate(async (name) => {
    const { glasskey, nowMs, location } = globalThis as unknown as TestPage;
    const state = new glasskey.IndexedDbState();
    const sizeBefore = await state.transact(async ({ view }) => ({ result: view?.size }));
    const options = { server: location.origin, state, now: () => nowMs };
    const directory = await glasskey.KeyDirectory.open(options);
    const { trustOrigin } = directory;
    const result = await directory.lookup(name);
    if (!result.found) return { found: false, trustOrigin, sizeBefore };
    const { change, version, certificates } = result.binding;
    const spkiSha256 = certificates[0]?.spkiSha256;
    return { found: true, type: change.type, version, spkiSha256, trustOrigin, sizeBefore };
  }, identity);
}

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let server: TestServer;
  let browser: Chromium;
  let profile: BrowserContext;
  let page: Page;
  let errors: Error[];

  beforeAll(async () => {
    [server, browser] = await Promise.all([createTestServer(), Chromium.start()]);
    const alice = await server.client();
    await alice.register('alice@example.com', { token: server.log.token, key: await generateKey() });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  beforeEach(async () => {
    errors = [];
    profile = await browser.profile();
    page = await browser.open(profile, server.url, server.log.clock.nowMs, errors);
  });
  afterEach(async () => {
    await profile.close();
    expect(errors).toEqual([]);
  });

  it('looks up, and again after a reload from what it kept in IndexedDB', async () => {
    const bob = await server.client();
    const [first, second] = [await generateKey(), await generateKey()];
    await bob.register('bob@example.com', { token: server.log.token, key: first });
    const seen = await lookup(page, 'bob@example.com');
    expect(seen).toMatchObject({ found: true, type: 'first-seen', version: 0, trustOrigin: 'first-use' });

    await bob.rotate('bob@example.com', first, second);
    await page.reload();
    await loadClient(page);
    const again = await lookup(page, 'bob@example.com');
    expect(again).toMatchObject({ found: true, type: 'key', version: 1, trustOrigin: 'pinned' });
    expect(again.sizeBefore).toBeGreaterThan(0);
    expect(again.spkiSha256).not.toBe(seen.spkiSha256);
  });

  it('serves a page of another origin, which registers and looks up', async () => {
    const other = 'http://app.localhost:9';
    const context = await browser.profile();
    // A page from elsewhere needs the user's leave to reach this computer, whatever the server allows.
    await context.grantPermissions(['local-network-access'], { origin: other });
    const stranger = await browser.open(context, other, server.log.clock.nowMs, errors);
    const outcome = await stranger.evaluate(
      async ({ url, token }) => {
        const { glasskey, nowMs } = globalThis as unknown as TestPage;
        const state = new glasskey.IndexedDbState();
        const directory = await glasskey.KeyDirectory.open({ server: url, state, now: () => nowMs });
        const key = await glasskey.generateKey();
        await directory.register('dora@example.com', { token, key });
        const [found, refusal] = await Promise.all([
          directory.lookup('dora@example.com'),
          directory
            .register('dora@example.com', { token: 'gk_wrong', key })
            .catch((error: unknown) => (glasskey.isGlasskeyError(error) ? error.code : String(error))),
        ]);
        return { found: found.found, refusal };
      },
      { url: server.url, token: server.log.token },
    );
    expect(outcome).toEqual({ found: true, refusal: 'unauthenticated' });
    await context.close();
  });

  it('proves that a name does not exist', async () => {
    expect(await lookup(page, 'nobody@example.com')).toMatchObject({ found: false });
  });

  it('registers a key that it made, and another client sees it', async () => {
    const made = await page.evaluate(async (token) => {
      const { glasskey, nowMs, location } = globalThis as unknown as TestPage;
      const state = new glasskey.IndexedDbState();
      const directory = await glasskey.KeyDirectory.open({ server: location.origin, state, now: () => nowMs });
      const key = await glasskey.generateKey();
      const { binding } = await directory.register('carol@example.com', { token, key });
      return binding.certificates[0]?.spkiSha256;
    }, server.log.token);
    const other = await (await server.client()).lookup('carol@example.com');
    expect(other).toMatchObject({ found: true, binding: { certificates: [{ spkiSha256: made }] } });
  });

  it('moves its state to a program and back, sealed', async () => {
    await lookup(page, 'alice@example.com');
    const sealed = await page.evaluate(() => {
      const { glasskey } = globalThis as unknown as TestPage;
      return glasskey.exportState(new glasskey.IndexedDbState(), 'correct horse battery staple');
    });
    const moved = new MemoryState();
    await importState(moved, sealed, 'correct horse battery staple');
    const client = await server.client(moved);
    expect(client.trustOrigin).toBe('pinned');
    expect(await client.lookup('nobody@example.com')).toMatchObject({ found: false });

    const back = await exportState(moved, 'correct horse battery staple', { cost: { memoryKib: 8192, passes: 1 } });
    const { lost, failure } = await page.evaluate(async (text) => {
      const { glasskey } = globalThis as unknown as TestPage;
      const state = new glasskey.IndexedDbState();
      const wrong = await glasskey.importState(state, text, 'wrong horse').catch((error: unknown) => error);
      const result = await glasskey.importState(state, text, 'correct horse battery staple');
      return { lost: result.lost, failure: glasskey.isGlasskeyError(wrong) ? wrong.code : 'none' };
    }, back);
    expect({ lost, failure }).toEqual({ lost: [], failure: 'wrong-passphrase' });
    expect((await lookup(page, 'alice@example.com')).type).toBe('unchanged');
  });

  it('runs in a worker, which shares the state of the page', async () => {
    await lookup(page, 'alice@example.com');
    const code = `
      const { KeyDirectory, IndexedDbState } = await import('/client.js');
      const options = { server: location.origin, state: new IndexedDbState(), now: () => ${server.log.clock.nowMs} };
      const directory = await KeyDirectory.open(options);
      const { binding } = await directory.lookup('alice@example.com');
      postMessage(directory.trustOrigin + ' ' + binding.change.type);`;
    await page.route('**/worker.js', (route) => route.fulfill({ contentType: 'text/javascript', body: code }));
    const answer = await page.evaluate(() => {
      interface Worker {
        addEventListener(type: string, listener: (event: { readonly data: string }) => void): void;
      }
      const { Worker } = globalThis as unknown as { Worker: new (url: string, options: object) => Worker };
      const worker = new Worker('/worker.js', { type: 'module' });
      return new Promise<string>((resolve) => worker.addEventListener('message', ({ data }) => resolve(data)));
    });
    expect(answer).toBe('pinned unchanged');
  });

  it('keeps its state where an answer does not hold', async () => {
    await lookup(page, 'nobody@example.com');
    const stateText = () =>
      page.evaluate(() => {
        const { glasskey } = globalThis as unknown as TestPage;
        return new glasskey.IndexedDbState().transact(async (state) => ({ result: glasskey.formatClientState(state) }));
      });
    const before = await stateText();
    await page.route('**/keytrans/v1/lookup', async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      const last = body.length - 1;
      body[last] = (body[last] ?? 0) ^ 1;
      await route.fulfill({ response, body });
    });
    expect(await lookupFailure(page, 'somebody@example.com')).toMatch(/^(?:bad-|malformed-|tree-|view-|proof-)/);
    expect(await stateText()).toBe(before);
  });
});
