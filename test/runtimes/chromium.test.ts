import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumMissing, launchChromium } from '../support/chromium.ts';
import { serveFolder, type StaticServer } from '../support/static-server.ts';
import { bundleInstalled, temporaryFolder } from './installed-package.ts';
import { openWorld, STEPS, type World } from './world.ts';

const missing = chromiumMissing();
const title = missing === undefined ? 'the packed client' : `the packed client (${missing})`;

/** A page that runs the scenario, with its state in IndexedDB. */
const PAGE = `
import * as client from 'glasskey-client';
import { IndexedDbState } from 'glasskey-client/browser';
import { runScenario } from './scenario.mjs';

globalThis.run = (where) => runScenario(client, where, new IndexedDbState());
`;

/** The functions of the page. */
interface ScenarioPage {
  readonly run: (where: object) => Promise<readonly string[]>;
  readonly crypto: { readonly subtle?: object };
}

/** A name without TLS, which no browser takes for this computer. */
const PLAIN = 'phone.example';

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let world: World;
  let browser: Browser;
  let site: StaticServer;
  let code: string;
  beforeAll(async () => {
    const folder = temporaryFolder('site');
    writeFileSync(join(folder, 'page.html'), '<!doctype html><title>page</title>');
    [world, browser, site, code] = await Promise.all([
      openWorld(),
      launchChromium([`--host-resolver-rules=MAP ${PLAIN} 127.0.0.1`]),
      serveFolder(folder),
      bundleInstalled(PAGE),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await world?.close();
  });

  /** Runs the scenario in a page of `origin`; returns what it did, and what the page had. */
  async function runPage(origin: string, script = ''): Promise<{ steps: readonly string[]; hasSubtle: boolean }> {
    const profile = await browser.newContext();
    const page = await profile.newPage();
    await page.addInitScript(script);
    await page.goto(`${origin}/page.html`);
    await page.addScriptTag({ type: 'module', content: code });
    await page.waitForFunction(() => 'run' in globalThis);
    const seen = await page.evaluate(async (where) => {
      const { run, crypto } = globalThis as unknown as ScenarioPage;
      return { steps: await run(where), hasSubtle: crypto.subtle !== undefined };
    }, world.where());
    await profile.close();
    return seen;
  }

  it('runs in chromium', async () => {
    expect(await runPage(site.url)).toEqual({ steps: STEPS, hasSubtle: true });
    expect(world.followed()).toBe(0);
  });

  it('runs in chromium where crypto.subtle was taken away', async () => {
    const script = `Object.defineProperty(crypto, 'subtle', { value: undefined });`;
    expect(await runPage(site.url, script)).toEqual({ steps: STEPS, hasSubtle: false });
  });

  it('runs in a page on plain http, which has no crypto.subtle', async () => {
    const origin = `http://${PLAIN}:${new URL(site.url).port}`;
    expect(await runPage(origin)).toEqual({ steps: STEPS, hasSubtle: false });
  });
});
