import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import type { KeyDirectory, MadeCredential } from '../../src/client/key-directory.ts';
import { Chromium, chromiumMissing, loadClient, type TestPage } from '../support/chromium.ts';
import { LyingOperator } from '../support/lying-operator.ts';

const WINDOW_MS = 60_000;
const BOB = 'bob@example.com';
const missing = chromiumMissing();
const title = missing === undefined ? 'credentials in chromium' : `credentials in chromium (${missing})`;

/** What a page reports of a credential. */
interface Seen {
  readonly identity: string;
  readonly version: number;
  readonly certificates: number;
  readonly final: boolean;
}

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let browser: Chromium;
  let operator: LyingOperator;
  let profile: BrowserContext;
  let page: Page;
  /** Bob's client: in Node. */
  let bob: KeyDirectory;
  let asked: string[];

  beforeAll(async () => {
    browser = await Chromium.start();
    operator = await LyingOperator.start({
      configuration: { reasonableMonitoringWindowMs: WINDOW_MS, maxBehindMs: 86_400_000 },
    });
    profile = await browser.profile();
    page = await browser.open(profile, operator.server.url, 0);
    asked = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    bob = await operator.client();
  });
  afterAll(async () => {
    await profile?.close();
    await operator?.stop();
    await browser?.close();
  });

  /** Lets the log have new distinguished entries. */
  async function pass(windows: number): Promise<void> {
    for (let i = 0; i < windows; i++) {
      operator.server.log.clock.advance(WINDOW_MS);
      await operator.appendNothing();
    }
  }

  /** Loads the page again: what it knows is in IndexedDB alone. */
  async function reload(): Promise<void> {
    await page.reload();
    await loadClient(page);
    asked.length = 0;
  }

  function monitorInPage(): Promise<void> {
    return page.evaluate(async (now) => {
      const { glasskey, location } = globalThis as unknown as TestPage;
      const state = new glasskey.IndexedDbState();
      const directory = await glasskey.KeyDirectory.open({ server: location.origin, state, now: () => now });
      await directory.monitor();
    }, operator.server.log.clock.nowMs);
  }

  /** Verifies a credential offline; gives the code of what is refused. */
  function verifyInPage({ text }: MadeCredential): Promise<Seen | string> {
    return page.evaluate(
      async ([credential, now]) => {
        const { glasskey, location } = globalThis as unknown as TestPage;
        const options = {
          server: location.origin,
          state: new glasskey.IndexedDbState(),
          now: () => now,
          offline: true,
        };
        const directory = await glasskey.KeyDirectory.open(options);
        try {
          const { identity, version, certificates, final } = await directory.verifyCredential(credential);
          return { identity, version, certificates: certificates.length, final };
        } catch (error) {
          if (!glasskey.isGlasskeyError(error)) throw error;
          return error.code;
        }
      },
      [text, operator.server.log.clock.nowMs] as const,
    );
  }

  /** How many credentials wait to be settled, as IndexedDB has it. */
  function pendingInPage(): Promise<number> {
    return page.evaluate(async () => {
      const { glasskey } = globalThis as unknown as TestPage;
      return new glasskey.IndexedDbState().transact(async ({ credentials }) => ({ result: credentials.length }));
    });
  }

  it('are verified offline, and settled by monitoring, over reloads', async () => {
    let key = await generateKey();
    await bob.register(BOB, { token: operator.server.log.token, key });
    await pass(4);
    await monitorInPage();
    const standard = await bob.credential(BOB);
    expect(standard.type).toBe('standard');
    await reload();
    expect(await verifyInPage(standard)).toEqual({ identity: BOB, version: 0, certificates: 1, final: true });
    expect(asked.filter((path) => path.startsWith('/keytrans/'))).toEqual([]);
    const [begin, middle, ...others] = standard.text.split('\n');
    const damaged = [begin, `${middle?.slice(0, -1)}${middle?.endsWith('A') === true ? 'B' : 'A'}`, ...others].join(
      '\n',
    );
    expect(await verifyInPage({ ...standard, text: damaged })).toEqual(expect.any(String));

    let provisional = standard;
    for (let i = 0; i < 8 && provisional.type === 'standard'; i++) {
      const next = await generateKey();
      await bob.rotate(BOB, key, next);
      key = next;
      provisional = await bob.credential(BOB);
    }
    const { version } = provisional;
    expect(provisional.type).toBe('provisional');
    await monitorInPage();
    await reload();
    expect(await verifyInPage(provisional)).toEqual({ identity: BOB, version, certificates: 1, final: false });
    expect(asked.filter((path) => path.startsWith('/keytrans/'))).toEqual([]);
    await reload();
    expect(await pendingInPage()).toBe(1);
    await pass(4);
    await monitorInPage();
    await reload();
    expect(await pendingInPage()).toBe(0);
    expect(await verifyInPage(await bob.credential(BOB))).toMatchObject({ version, final: true });
  }, 120_000);
});
