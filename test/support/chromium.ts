import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { build } from 'esbuild';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type * as browserEntry from '../../src/client/browser.ts';
import type * as clientEntry from '../../src/client/index.ts';

/** What a test page holds. */
export interface TestPage {
  /** The client library, as a page would load it. */
  readonly glasskey: typeof clientEntry & typeof browserEntry;
  /** The clock of the page's clients, ms since the epoch, as it was when the page was opened. */
  readonly nowMs: number;
  readonly location: { readonly origin: string };
}

const EXECUTABLES = [process.env['GLASSKEY_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser'];
const SRC = resolve(import.meta.dirname, '../../src/client');

/** Why there is no browser to test with; undefined where there is one. */
export function chromiumMissing(): string | undefined {
  return executable() === undefined ? 'no chromium: set GLASSKEY_CHROMIUM' : undefined;
}

/** Both entry points of the client. */
const ENTRY_POINTS = `export * from './index.ts'; export * from './browser.ts';`;

/** The client's code for a browser, minified: an ES module of these contents, as if in `src/client/`. */
async function bundleClient(contents: string): Promise<string> {
  const result = await build({
    stdin: { contents, resolveDir: SRC, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  });
  return result.outputFiles[0]?.text ?? '';
}

/** Starts the browser, without a window. */
export function launchChromium(args: readonly string[] = []): Promise<Browser> {
  // Chromium's own sandbox cannot be had as root, nor in most containers.
  return chromium.launch({ executablePath: executable() ?? '', args: ['--no-sandbox', ...args], headless: true });
}

/** A browser under test whose pages hold the client. */
export class Chromium {
  readonly #browser: Browser;
  readonly #code: string;

  private constructor(browser: Browser, code: string) {
    this.#browser = browser;
    this.#code = code;
  }

  static async start(contents = ENTRY_POINTS): Promise<Chromium> {
    const [browser, code] = await Promise.all([launchChromium(), bundleClient(contents)]);
    return new Chromium(browser, code);
  }

  /** A browser profile of its own, with an empty storage. */
  profile(): Promise<BrowserContext> {
    return this.#browser.newContext();
  }

  /** Opens a page of `origin` that has loaded the client. Errors of the page end in `errors`. */
  async open(profile: BrowserContext, origin: string, nowMs: number, errors: Error[] = []): Promise<Page> {
    const page = await profile.newPage();
    page.on('pageerror', (error) => errors.push(error));
    await page.route(`${origin}/page.html`, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>page</title>' }),
    );
    await page.route(`${origin}/client.js`, (route) =>
      route.fulfill({ contentType: 'text/javascript', body: this.#code }),
    );
    await page.addInitScript(`globalThis.nowMs = ${nowMs}`);
    await page.goto(`${origin}/page.html`);
    await loadClient(page);
    return page;
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

/** Loads the client into a page: needed again after a reload. */
export async function loadClient(page: Page): Promise<void> {
  await page.addScriptTag({ type: 'module', content: `globalThis.glasskey = await import('/client.js');` });
  await page.waitForFunction(() => 'glasskey' in globalThis);
}

function executable(): string | undefined {
  return EXECUTABLES.find((path) => path !== undefined && path !== '' && existsSync(path));
}
