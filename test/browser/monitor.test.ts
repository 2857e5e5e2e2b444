import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { Chromium, chromiumMissing, loadClient, type TestPage } from '../support/chromium.ts';
import { LyingOperator } from '../support/lying-operator.ts';
import { newDeviceKey } from '../support/owner.ts';

const WINDOW_MS = 60_000;
const BOB = 'bob@example.com';
const missing = chromiumMissing();
const title = missing === undefined ? 'monitoring in chromium' : `monitoring in chromium (${missing})`;

/** What a page reports of monitoring one identity. */
interface Seen {
  readonly role: 'owner' | 'contact';
  readonly identity: string;
  /** Types of the alerts. */
  readonly alerts: readonly string[];
  /** How many versions are still to be monitored. */
  readonly remaining: number;
}

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let browser: Chromium;
  let operator: LyingOperator;
  let profile: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    browser = await Chromium.start();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    operator = await LyingOperator.start({
      configuration: { reasonableMonitoringWindowMs: WINDOW_MS, maxBehindMs: 86_400_000 },
    });
    profile = await browser.profile();
    page = await browser.open(profile, operator.server.url, 0);
  });
  afterEach(async () => {
    await profile.close();
    await operator.stop();
  });

  /** Lets time pass, and others register; then the page is loaded again. */
  async function pass(windows: number): Promise<void> {
    const { log } = operator.server;
    for (let i = 0; i < windows; i++) {
      log.clock.advance(WINDOW_MS);
      const other = await operator.server.client();
      await other.register(`someone${Math.random()}@example.com`, { token: log.token, key: await generateKey() });
    }
    await page.reload();
    await loadClient(page);
  }

  function registerInPage(): Promise<void> {
    const options = { name: BOB, token: operator.server.log.token, now: operator.server.log.clock.nowMs };
    return page.evaluate(async ({ name, token, now }) => {
      const { glasskey, location } = globalThis as unknown as TestPage;
      const state = new glasskey.IndexedDbState();
      const directory = await glasskey.KeyDirectory.open({ server: location.origin, state, now: () => now });
      await directory.register(name, { token, key: await glasskey.generateKey() });
    }, options);
  }

  function lookUpInPage(name: string): Promise<number> {
    return page.evaluate(
      async ([text, now]) => {
        const { glasskey, location } = globalThis as unknown as TestPage;
        const state = new glasskey.IndexedDbState();
        const directory = await glasskey.KeyDirectory.open({ server: location.origin, state, now: () => now });
        const result = await directory.lookup(text);
        return result.found ? result.binding.monitored.length : -1;
      },
      [name, operator.server.log.clock.nowMs] as const,
    );
  }

  function monitorInPage(): Promise<readonly Seen[]> {
    return page.evaluate(async (now) => {
      const { glasskey, location } = globalThis as unknown as TestPage;
      const state = new glasskey.IndexedDbState();
      const directory = await glasskey.KeyDirectory.open({ server: location.origin, state, now: () => now });
      return (await directory.monitor()).map((one) => ({
        role: one.role,
        identity: one.identity,
        alerts: one.role === 'owner' ? one.alerts.map(({ type }) => type) : [],
        remaining: one.role === 'contact' ? one.remaining.length : 0,
      }));
    }, operator.server.log.clock.nowMs);
  }

  function acknowledgeInPage(): Promise<void> {
    return page.evaluate(async (now) => {
      const { glasskey, location } = globalThis as unknown as TestPage;
      const state = new glasskey.IndexedDbState();
      const directory = await glasskey.KeyDirectory.open({ server: location.origin, state, now: () => now });
      await directory.acknowledge();
    }, operator.server.log.clock.nowMs);
  }

  it('tells an owner of a version that the owner did not make, until it is acknowledged', async () => {
    await registerInPage();
    await pass(2);
    expect(await monitorInPage()).toMatchObject([{ role: 'owner', identity: BOB, alerts: [] }]);

    const { spki } = await newDeviceKey();
    const latest = await operator.latest(BOB);
    const certificates = [...(latest?.record.certificates ?? []), await operator.certify(BOB, spki)];
    await operator.appendRecord(BOB, { certificates, authorization: { type: 'operator', reason: 'trust me' } });
    await pass(2);
    const [seen] = await monitorInPage();
    expect(seen?.alerts).toContain('unexpected-version');
    await pass(1);
    expect((await monitorInPage())[0]?.alerts).toEqual(seen?.alerts);
    await acknowledgeInPage();
    await pass(1);
    expect((await monitorInPage())[0]?.alerts).toEqual([]);
  });

  it('follows a contact from a lookup to a distinguished entry, over reloads', async () => {
    const { log } = operator.server;
    await pass(1);
    const bob = await operator.server.client();
    await bob.register(BOB, { token: log.token, key: await generateKey() });
    expect(await lookUpInPage(BOB)).toBe(1);
    for (let round = 0; round < 8; round++) {
      await pass(1);
      const [seen] = await monitorInPage();
      if (seen === undefined) break;
      expect(seen).toMatchObject({ role: 'contact', identity: BOB });
      if (seen.remaining === 0) break;
    }
    expect(await monitorInPage()).toEqual([]);
  });
});
