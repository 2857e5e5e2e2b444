import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { NO_RATE_LIMITS } from '../../src/http/rate-limits.ts';
import { appendByOperator } from '../support/appended-records.ts';
import { chromiumMissing, launchChromium } from '../support/chromium.ts';
import { axeFindings, type ExplorerPage, lookUp, openExplorer, settled } from '../support/explorer-page.ts';
import { LyingOperator } from '../support/lying-operator.ts';

const missing = chromiumMissing();
const title = missing === undefined ? 'the explorer of a liar' : `the explorer of a liar (${missing})`;
const BOB = 'bob@example.com';

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let operator: LyingOperator;
  let browser: Browser;
  let opened: ExplorerPage;
  let page: Page;

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    operator = await LyingOperator.start({ explorer: true });
    const { token } = operator.server.log;
    await (await operator.client()).register(BOB, { token, key: await generateKey() });
    opened = await openExplorer(browser, operator.server.url, operator.server.log.clock.nowMs);
    ({ page } = opened);
  });
  afterEach(async () => {
    const { errors } = opened;
    await opened.profile.close();
    await operator.stop();
    expect(errors).toEqual([]);
  });

  it('says that an answer is not proved, and shows nothing of it', async () => {
    await page.route(`**${PATHS.lookup}`, async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      const middle = Math.floor(body.length / 2);
      body[middle] = (body[middle] ?? 0) ^ 1;
      await route.fulfill({ response, body });
    });
    const text = await lookUp(page, BOB);
    expect(text).toContain(`The server did not prove its answer: ${BOB}`);
    expect(text).toContain('An honest server proves every answer.');
    expect(text).toContain('What to do: ');
    expect(text).not.toContain('has 1 key');
    expect(await axeFindings(page)).toEqual([]);
  });

  it('says that the operator made a key, and keeps saying so until that is seen', async () => {
    await appendByOperator(operator, BOB);
    for (let visit = 0; visit < 2; visit++) {
      const text = await lookUp(page, BOB);
      expect(text).toContain('Proved, but look closely');
      expect(text).toContain('was made by the operator, not by a key that the identity had');
      await page.reload();
      await settled(page);
    }
    await lookUp(page, BOB);
    expect(await axeFindings(page)).toEqual([]);
    await page.click('text=I have seen this');
    await page.waitForSelector('.alerts', { state: 'detached' });
    expect(await lookUp(page, BOB)).not.toContain('look closely');
  });

  it('says that a name which it saw is gone', async () => {
    expect(await lookUp(page, BOB)).toContain(`${BOB} has 1 key`);
    await operator.takeBack(0, { forget: true });
    const text = await lookUp(page, BOB);
    expect(text).toContain(`This log contradicts what it showed before: ${BOB}`);
    expect(text).toContain('An honest log cannot do that.');
    expect(await axeFindings(page)).toEqual([]);
  });

  it('says at the next visit that the log took entries back', async () => {
    await opened.profile.close();
    const { url, log } = operator.server;
    let old: Buffer | undefined;
    const prepare = (fresh: Page) =>
      fresh.route(`**${PATHS.distinguished}`, async (route) => {
        const response = await route.fetch();
        old ??= await response.body();
        await route.fulfill({ response, body: old });
      });
    opened = await openExplorer(browser, url, log.clock.nowMs, { prepare });
    ({ page } = opened);
    expect(await page.innerText('#warning')).toBe('');
    await operator.appendNothing();
    await lookUp(page, BOB);
    await page.reload();
    await settled(page);
    const warning = await page.innerText('#warning');
    expect(warning).toContain('This log contradicts what it showed before: the newest state of the log');
    expect(warning).toContain('entries were taken back');
    expect(await page.getAttribute('#warning', 'role')).toBe('alert');
    expect(await axeFindings(page)).toEqual([]);
  });
});

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(`${title}: a private directory`, () => {
  it.each([
    { kinds: ['email', 'acct', 'tel', 'uri'] as const, forms: 0, says: 'This directory is private' },
    { kinds: ['tel'] as const, forms: 1, says: 'Here, telephone numbers are private' },
  ])('shows no lookup of what is private: $kinds', async ({ kinds, forms, says }) => {
    const browser = await launchChromium();
    const secret = new Uint8Array(32).fill(7);
    const operator = await LyingOperator.start({
      explorer: true,
      rateLimits: { ...NO_RATE_LIMITS, lookups: { privateKinds: kinds, secret } },
    });
    const opened = await openExplorer(browser, operator.server.url, operator.server.log.clock.nowMs);
    expect(await opened.page.locator('form.lookup').count()).toBe(forms);
    expect(await opened.page.innerText('#lookup')).toContain(says);
    expect(await opened.page.locator('.tiles').count()).toBe(1);
    expect(await opened.page.innerText('#log-body')).toContain('No changes yet.');
    expect(await opened.page.locator('#log-body svg').count()).toBe(0);
    expect(await axeFindings(opened.page)).toEqual([]);
    expect(opened.errors).toEqual([]);
    await browser.close();
    await operator.stop();
  });
});
