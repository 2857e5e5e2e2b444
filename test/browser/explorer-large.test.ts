import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { installNativeHashes } from '../../src/native/native-hashes.ts';
import { useNoble } from '../support/verifiers.ts';
import { appendByOperator } from '../support/appended-records.ts';
import { chromiumMissing, launchChromium } from '../support/chromium.ts';
import { axeFindings, lookUp, openExplorer, overflow, unfold } from '../support/explorer-page.ts';
import { growNames } from '../support/grown-names.ts';
import { LyingOperator } from '../support/lying-operator.ts';

/** Takes minutes, and writes the screenshots of the docs: by hand. */
const isAsked = process.env['GLASSKEY_SCREENSHOTS'] !== undefined;
const missing = isAsked ? chromiumMissing() : 'by hand: GLASSKEY_SCREENSHOTS=1';
const title = missing === undefined ? 'the explorer of a large log' : `the explorer of a large log (${missing})`;
const ENTRIES = 100_000;
const ALICE = 'alice@example.com';
const SCREENS = resolve(import.meta.dirname, '../../docs/screenshots');

/** Writes a screenshot into the docs. */
async function keepScreen(page: Page, name: string, selector?: string): Promise<void> {
  mkdirSync(SCREENS, { recursive: true });
  const path = `${SCREENS}/${name}.png`;
  if (selector === undefined) await page.screenshot({ path });
  else await page.locator(selector).screenshot({ path });
}

describe.skipIf(missing !== undefined)(title, () => {
  let operator: LyingOperator;
  let browser: Browser;

  beforeAll(async () => {
    // A log of this size is mostly hashes.
    installNativeHashes();
    operator = await LyingOperator.start({ explorer: true });
    const client = await operator.client();
    const { token } = operator.server.log;
    const [first, second] = [await generateKey(), await generateKey()];
    await client.register(ALICE, { token, key: first });
    await client.register('bob@example.com', { token, key: await generateKey() });
    await growNames(operator, ENTRIES, 40);
    await client.rotate(ALICE, first, second);
    browser = await launchChromium();
  }, 3_600_000);
  afterAll(async () => {
    await browser?.close();
    await operator?.stop();
    useNoble();
  });

  it('looks up, draws, samples and audits within bounds, in every light', async () => {
    const { url, log } = operator.server;
    for (const [colorScheme, width] of [
      ['light', 1100],
      ['dark', 1100],
      ['light', 360],
    ] as const) {
      const opened = await openExplorer(browser, url, log.clock.nowMs, { colorScheme, width });
      const { page, profile, errors } = opened;
      expect(await page.innerText('.plot figcaption')).toContain('Estimated from a sample');
      expect(await page.innerText('.tiles')).toMatch(/100,0\d\d/);
      expect(await lookUp(page, ALICE)).toContain(`${ALICE} has 1 key`);
      await keepScreen(page, `lookup-${colorScheme}-${width}`);
      await unfold(page);
      expect(await page.locator('#result svg.drawing').first().locator('.node').count()).toBeGreaterThan(8);
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      expect(await axeFindings(page)).toEqual([]);
      expect(errors).toEqual([]);
      if (colorScheme === 'light' && width === 1100) {
        await keepScreen(page, 'proof', '#result .drawings');
        await keepScreen(page, 'log', '#log');
        await page.selectOption('#audit-count', '1000');
        await page.click('#audit-body button');
        await page.waitForSelector('#audit-body .card.proved', { timeout: 120_000 });
        expect(await page.innerText('#audit-body')).toContain('1,000 entries: no fault');
      }
      await profile.close();
    }
  }, 300_000);

  it('warns of the operator’s own key', async () => {
    await appendByOperator(operator, 'bob@example.com');
    const { page, profile } = await openExplorer(browser, operator.server.url, operator.server.log.clock.nowMs);
    expect(await lookUp(page, 'bob@example.com')).toContain('Proved, but look closely');
    await keepScreen(page, 'operator-key', '#result');
    await profile.close();
  }, 120_000);
});
