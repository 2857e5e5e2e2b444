import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { formatHeads, parseHeads } from '../../src/client/heads-text.ts';
import { chromiumMissing, launchChromium } from '../support/chromium.ts';
import {
  axeFindings,
  type ExplorerPage,
  lookUp,
  type Looking,
  openExplorer,
  overflow,
  settled,
  unfold,
} from '../support/explorer-page.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const missing = chromiumMissing();
const title = missing === undefined ? 'the explorer' : `the explorer (${missing})`;
const ALICE = 'alice@example.com';

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let server: TestServer;
  let browser: Browser;
  let opened: ExplorerPage[] = [];

  beforeAll(async () => {
    [server, browser] = await Promise.all([createTestServer({ explorer: true }), launchChromium()]);
    const client = await server.client();
    const [first, second] = [await generateKey(), await generateKey()];
    await client.register(ALICE, { token: server.log.token, key: first });
    await client.rotate(ALICE, first, second);
    await client.register('bob@example.com', { token: server.log.token, key: await generateKey() });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  afterEach(async () => {
    const errors = opened.flatMap((one) => one.errors);
    const hosts = new Set(opened.flatMap((one) => [...one.hosts]));
    for (const { profile } of opened) await profile.close();
    opened = [];
    expect(errors).toEqual([]);
    expect([...hosts]).toEqual([new URL(server.url).host]);
  });

  async function open(looking?: Looking) {
    const explorer = await openExplorer(browser, server.url, server.log.clock.nowMs, looking);
    opened.push(explorer);
    return explorer.page;
  }

  it('shows the log, verified, and says in plain words what it is', async () => {
    const page = await open();
    expect(await page.innerText('h1')).toBe('Whose key is it? Check for yourself.');
    const { size } = await server.log.context.store.readHead();
    expect(await page.innerText('.tiles')).toContain(String(size));
    expect(await page.getAttribute('.plot svg', 'aria-label')).toMatch(/^Changes per day, .*: 3\.$/);
    expect((await page.innerText('#fingerprint')).replaceAll(' ', '')).toMatch(/^[0-9a-f]{64}$/);
    expect(await page.innerText('#memory-body')).toContain('for the first time');
    expect(await axeFindings(page)).toEqual([]);
  });

  it('looks a name up, and shows the result before the proof', async () => {
    const page = await open();
    const text = await lookUp(page, ALICE);
    expect(text).toContain(`${ALICE} has 1 key`);
    expect(text.indexOf('has 1 key')).toBeLessThan(text.indexOf('What this page cannot do'));
    expect(text).not.toContain('Hide the name.');
    await unfold(page);
    const unfolded = await page.innerText('#result');
    expect(unfolded).toContain('Hide the name.');
    expect(unfolded).toContain('This is version 1.');
    expect(unfolded).toMatch(
      /Version 1: one key replaced[^]*Signed by a key that the name had before[^]*Version 0: one key added[^]*First registration/,
    );
    expect(unfolded.match(/Claimed, not proved: .*/g)).toEqual([
      'Claimed, not proved: vouched for by the application.',
    ]);
    expect(unfolded).toContain('The log shows what everybody is given for this name, not who holds it.');
    expect(await page.locator('#result svg.drawing').count()).toBe(2);
    expect(await page.innerText('#memory-body')).toContain('1 name that you looked up');
    expect(await axeFindings(page)).toEqual([]);
  });

  it('proves that a name is not there', async () => {
    const page = await open();
    expect(await lookUp(page, 'nobody@example.com')).toContain('Nobody is registered as nobody@example.com');
    await unfold(page);
    const text = await page.innerText('#result');
    expect(text).toContain('Is it spelled right?');
    expect(text).toContain('Look where it would be.');
    expect(text).toMatch(/There, the hashes beside the path give the root [0-9a-f]{12}…/);
    expect(await axeFindings(page)).toEqual([]);
  });

  it('says what is wrong with a name, with the code beside it', async () => {
    const page = await open();
    const text = await lookUp(page, 'not a name');
    expect(text).toContain('This does not look like an e-mail address or a telephone number.');
    expect(text).toContain('What to do:');
    expect(await page.getAttribute('#result a', 'href')).toBe('/docs#code-invalid-identity');
    expect(await axeFindings(page)).toEqual([]);
  });

  it('is used by the keyboard alone', async () => {
    const page = await open();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.type(ALICE);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#result:not([aria-busy]) .card');
    for (let i = 0; i < 4 && (await page.locator('summary:focus').count()) === 0; i++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.innerText('#result')).toContain('Hide the name.');
  });

  it.each([
    { width: 360, colorScheme: 'light' },
    { width: 360, colorScheme: 'dark' },
    { width: 1100, colorScheme: 'dark' },
  ] as const)('fits its window: $width pixels, $colorScheme', async (looking) => {
    const page = await open(looking);
    await lookUp(page, ALICE);
    await unfold(page);
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(await axeFindings(page)).toEqual([]);
  });

  it('brings the result of a lookup into a small window, and begins to read at its headline', async () => {
    const page = await open({ width: 360 });
    await lookUp(page, ALICE);
    await page.waitForFunction(`document.activeElement.textContent === '${ALICE} has 1 key'`);
    const top = await page.locator('#result').evaluate((one) => one.getBoundingClientRect().top);
    expect(top).toBeGreaterThanOrEqual(0);
    expect(top).toBeLessThan(100);
  });

  it('gives commands about the name that was looked up last, to be copied', async () => {
    const page = await open();
    expect(await page.innerText('#home-body')).toContain('glasskey lookup alice@example.com --server');
    await lookUp(page, "O'Neil@example.com");
    const copied = `glasskey lookup 'o'\\''neil@example.com' --server ${server.url} --trust trust.json`;
    expect(await page.innerText('#home-body')).toContain(copied);
    // Without a clipboard, as over plain HTTP, the command is selected.
    await page.evaluate(`Object.defineProperty(navigator, 'clipboard', { value: undefined })`);
    await page.locator('#home-body .copy').nth(1).click();
    expect(await page.innerText('#home-body')).toContain('Selected: copy it');
    expect(await page.evaluate('getSelection().toString().trim()')).toBe(copied);
    await page.click('#words summary');
    expect(await axeFindings(page)).toEqual([]);
  });

  it('remembers the log over a reload, and forgets it when asked twice', async () => {
    const page = await open();
    await lookUp(page, ALICE);
    await page.reload();
    await settled(page);
    expect(await page.innerText('#memory-body')).toContain('from an earlier visit');
    expect(await lookUp(page, ALICE)).toContain('Nothing changed since this browser last looked');
    await page.click('text=Forget all of this');
    expect(await axeFindings(page)).toEqual([]);
    await Promise.all([page.waitForEvent('load'), page.click('button.danger')]);
    await settled(page);
    expect(await page.innerText('#memory-body')).toContain('for the first time');
  });

  it('audits the newest entries', async () => {
    const page = await open();
    await page.click('#audit-body button');
    await page.waitForSelector('#audit-body .card.proved');
    const { size } = await server.log.context.store.readHead();
    expect(await page.innerText('#audit-body')).toContain(`${size} entries: no fault`);
    expect(await axeFindings(page)).toEqual([]);
  });

  /** Pastes a text to compare, and returns the answer. */
  async function compare(page: Page, text: string): Promise<string> {
    await page.fill('#their-heads', text);
    await page.click('#compare-body button[type=submit]');
    await page.waitForSelector('#compare-result .card');
    const said = await page.innerText('#compare-result');
    await page.evaluate(`document.querySelector('#compare-result').replaceChildren()`);
    return said;
  }

  it('compares the log and the fingerprint with those of somebody else', async () => {
    const page = await open();
    const mine = await page.inputValue('#my-heads');
    const own = await compare(page, ` ${mine}\n`);
    expect(own).toContain('This is the same text as yours');
    expect(own).toContain('If you copied it from this page, nothing was compared.');
    const { origin, heads } = parseHeads(mine);
    const theirs = heads.slice(0, -1);
    const { size } = await server.log.context.store.readHead();
    const agreed = await compare(page, formatHeads(origin, theirs));
    expect(agreed).toContain('You both see the same log');
    expect(agreed).toContain(
      `You agree about the first ${theirs.at(-1)!.position + 1} entries of ${size}. Newer ones can be compared later.`,
    );
    expect(await compare(page, '0'.repeat(64))).toContain('The fingerprints differ');
    expect(await compare(page, await page.innerText('#fingerprint'))).toContain('The fingerprints are the same');
    const later = heads.map((head) => ({ ...head, position: head.position + 10_000 }));
    expect(await compare(page, formatHeads(origin, later))).toContain('The two texts have no entry in common');
    expect(await compare(page, formatHeads('other.example', heads))).toContain('This text is about another log');
    expect(await axeFindings(page)).toEqual([]);
  });

  it('compares the log with the checkpoint of a watcher, and accuses nobody for one that is not whole', async () => {
    const page = await open();
    const checkpoint = await (await fetch(`${server.url}/log/checkpoint`)).text();
    const { size } = await server.log.context.store.readHead();
    const same = await compare(page, checkpoint);
    expect(same).toContain('The watcher and you were shown the same log');
    expect(same).toContain(`the first ${size} entries`);
    const damaged = checkpoint.replace(`\n${size}\n`, `\n${size + 1}\n`);
    for (const text of [damaged, checkpoint.slice(0, -40), `${checkpoint.split('\n')[0]}\n`]) {
      const said = await compare(page, text);
      expect(said).toContain(
        text.includes('\n—') || text.trim().includes('\n') ? 'not a whole checkpoint' : 'not a whole text',
      );
      expect(said).toContain('Nothing was compared.');
    }
    expect(await axeFindings(page)).toEqual([]);
  });

  it('accuses nobody if a text to compare is not whole, and calls a contradiction what it is', async () => {
    const page = await open();
    const mine = await page.inputValue('#my-heads');
    for (const text of ['hello', mine.slice(0, -20), 'x'.repeat(9_000), `${mine}é`, mine.replace('heads', 'head')]) {
      const said = await compare(page, text);
      expect(said).toContain('This is not a whole text from Glasskey');
      expect(said).toContain('Copy all of it again. Nothing was compared.');
      expect(said).not.toContain('prove');
    }
    const at = mine.length - 10;
    const changed = mine.slice(0, at) + (mine[at] === 'A' ? 'B' : 'A') + mine.slice(at + 1);
    const said = await compare(page, changed);
    expect(said).toContain('The two texts contradict each other');
    expect(said).toContain('or the text was changed on its way');
    expect(said).toContain('keep both texts, and show them to others.');
    expect(await axeFindings(page)).toEqual([]);
  });

  it('says what this browser had seen before a lookup, and how long the log is after it', async () => {
    const page = await open();
    const { size } = await server.log.context.store.readHead();
    const client = await server.client();
    await client.register('carol@example.com', { token: server.log.token, key: await generateKey() });
    const { size: grown } = await server.log.context.store.readHead();
    for (const [name, seen] of [
      ['carol@example.com', size],
      [ALICE, grown],
    ] as const) {
      await lookUp(page, name);
      await unfold(page);
      const result = await page.innerText('#result');
      expect(result).toContain(`Before this lookup, this browser had seen ${seen} entries.`);
      expect(await page.innerText('.tiles')).toContain(`Entries\n${grown}\n`);
    }
  });
});
