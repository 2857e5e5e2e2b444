import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';

/** How a page of the explorer is looked at. */
export interface Looking {
  /** Width of the window in pixels. Default: a desktop's. */
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
  /** Called before the page is loaded. */
  readonly prepare?: (page: Page) => Promise<unknown>;
}

/** The explorer in a browser, with everything that went wrong there. */
export interface ExplorerPage {
  readonly page: Page;
  readonly profile: BrowserContext;
  /** Errors of scripts, and what the policy refused. A refused request is none: the page shows it. */
  readonly errors: string[];
  /** Hosts that were asked. */
  readonly hosts: Set<string>;
}

/** Opens the explorer of `url` at a time, and waits until it has shown the log, or why it cannot. */
export async function openExplorer(
  browser: Browser,
  url: string,
  nowMs: number,
  { width = 1100, colorScheme = 'light', prepare }: Looking = {},
): Promise<ExplorerPage> {
  const profile = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, reducedMotion: 'reduce' });
  const page = await profile.newPage();
  const opened: ExplorerPage = { page, profile, errors: [], hosts: new Set() };
  page.on('pageerror', (error) => opened.errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      opened.errors.push(message.text());
    }
  });
  page.on('request', (request) => opened.hosts.add(new URL(request.url()).host));
  await page.clock.setFixedTime(nowMs);
  await prepare?.(page);
  await page.goto(url);
  await settled(page);
  return opened;
}

/** Waits until the page has shown the log, or why it cannot. */
export async function settled(page: Page): Promise<void> {
  await page.waitForSelector('#memory-body button');
}

/** Looks a name up by the form, and returns the text of the result. */
export async function lookUp(page: Page, name: string): Promise<string> {
  await page.fill('#name', name);
  await page.click('form.lookup button');
  await page.waitForSelector('#result:not([aria-busy]) .card');
  return page.innerText('#result');
}

/** Unfolds everything that unfolds in the result. */
export async function unfold(page: Page): Promise<void> {
  for (const summary of await page.locator('#result .card > details > summary').all()) await summary.click();
  if ((await page.locator('#result .card.proved, #result .card.alarm').count()) > 0) {
    await page.waitForFunction(() => {
      const { document } = globalThis as unknown as { document: { querySelector(path: string): unknown } };
      return document.querySelector('#result details[open] [aria-live] > .quiet:only-child') === null;
    });
  }
}

/** The findings of axe-core about the page as it is: rule, and the elements. */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
  return page.evaluate(async () => {
    interface Axe {
      run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
    }
    const { axe } = globalThis as unknown as { axe: Axe };
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' ')}`);
  });
}

/** How many pixels the page is wider than its window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { document } = globalThis as unknown as {
      document: { documentElement: { scrollWidth: number; clientWidth: number } };
    };
    return document.documentElement.scrollWidth - document.documentElement.clientWidth;
  });
}
