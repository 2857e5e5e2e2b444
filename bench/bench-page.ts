import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../test/support/chromium.ts';
import type * as clientWork from './client-work.ts';
import type { Costs, LookupWork, Monitors, MonitorWork } from './client-work.ts';

/** A page in chromium that measures. */
export class BenchPage {
  readonly #browser: Browser;
  readonly #page: Page;

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.#page = page;
  }

  /** Opens a page of the server's origin. */
  static async open(server: string): Promise<BenchPage> {
    const code = await bundleWork();
    const browser = await launchChromium();
    const page = await browser.newPage();
    await page.route(`${server}/page.html`, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>bench</title>' }),
    );
    await page.route(`${server}/work.js`, (route) => route.fulfill({ contentType: 'text/javascript', body: code }));
    await page.goto(`${server}/page.html`);
    await page.addScriptTag({ type: 'module', content: `globalThis.work = await import('/work.js');` });
    await page.waitForFunction(() => 'work' in globalThis);
    return new BenchPage(browser, page);
  }

  measureLookups(work: LookupWork): Promise<Costs> {
    return this.#page.evaluate((options) => {
      const { work: inPage } = globalThis as unknown as { readonly work: typeof clientWork };
      return inPage.measureLookups(options);
    }, work);
  }

  /** Lets clients of the page look at what they will monitor. */
  look(work: MonitorWork): Promise<void> {
    return this.#page.evaluate(async (options) => {
      const page = globalThis as unknown as { readonly work: typeof clientWork; monitors: Monitors };
      page.monitors = await page.work.Monitors.look(options);
    }, work);
  }

  measureMonitors(): Promise<Costs> {
    return this.#page.evaluate(() => (globalThis as unknown as { readonly monitors: Monitors }).monitors.measure());
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

async function bundleWork(): Promise<string> {
  const result = await build({
    entryPoints: ['bench/client-work.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  });
  return result.outputFiles[0]?.text ?? '';
}
