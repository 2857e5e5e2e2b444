import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
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
    const alice = await server.client();
    const [first, second] = [await generateKey(), await generateKey()];
    await alice.register('alice@example.com', { token: server.log.token, key: first });
    const seen = await lookup(page, 'alice@example.com');
    expect(seen).toMatchObject({ found: true, type: 'first-seen', version: 0, trustOrigin: 'first-use' });

    await alice.rotate('alice@example.com', first, second);
    await page.reload();
    await loadClient(page);
    const again = await lookup(page, 'alice@example.com');
    expect(again).toMatchObject({ found: true, type: 'key', version: 1, trustOrigin: 'pinned' });
    expect(again.sizeBefore).toBeGreaterThan(0);
    expect(again.spkiSha256).not.toBe(seen.spkiSha256);
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
