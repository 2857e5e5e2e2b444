import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { IndexedDbState } from '../../src/client/browser.ts';
import { Chromium, chromiumMissing, type TestPage } from '../support/chromium.ts';

const missing = chromiumMissing();
const title = missing === undefined ? 'a state in IndexedDB' : `a state in IndexedDB (${missing})`;
const code = (expected: string) => expect.objectContaining({ code: expected });

/** What the page's functions below find there. */
type StatePage = TestPage & { readonly indexedDB: IDB };
interface IDB {
  open(name: string): IDBRequest;
  deleteDatabase(name: string): IDBRequest;
}
interface IDBRequest {
  readonly result: {
    transaction(
      store: string,
      mode: string,
    ): { objectStore(name: string): { put(value: unknown, key: string): IDBRequest; count(): IDBRequest } };
  };
  addEventListener(type: string, listener: () => void): void;
}

/** The bundle's text in the stored state: what these tests write. */
function read(page: Page): Promise<string | undefined> {
  return page.evaluate(() => {
    const { glasskey } = globalThis as unknown as StatePage;
    return new glasskey.IndexedDbState().transact(async ({ bundle }) => ({ result: bundle }));
  });
}

/** Appends an x to the stored text `times` times, each time after a pause; gives the code of each that failed. */
function append(page: Page, times: number, waitMs = 60_000): Promise<readonly string[]> {
  return page.evaluate(
    async ([count, wait]) => {
      const { glasskey } = globalThis as unknown as StatePage;
      const failures: string[] = [];
      const newState = () => new glasskey.IndexedDbState('glasskey', { waitMs: wait });
      const states = [newState(), newState()];
      const appendOne = (state: InstanceType<typeof glasskey.IndexedDbState>) =>
        state.transact(async (current) => {
          await new Promise((resolve) => setTimeout(resolve, 2));
          return { next: { ...current, bundle: `${current.bundle ?? ''}x` }, result: undefined };
        });
      const all = Array.from({ length: count }, (_, i) => appendOne(states[i % 2] ?? newState()));
      for (const one of await Promise.allSettled(all)) {
        if (one.status === 'fulfilled') continue;
        failures.push(glasskey.isGlasskeyError(one.reason) ? one.reason.code : String(one.reason));
      }
      return failures;
    },
    [times, waitMs] as const,
  );
}

it('needs a browser, and says so', async () => {
  expect(() => new IndexedDbState()).toThrow(code('storage-failed'));
  const indexedDb = {
    open: () => {
      throw new Error('forbidden');
    },
  };
  const reading = new IndexedDbState('state', { indexedDb }).transact(async () => ({ result: 1 }));
  await expect(reading).rejects.toThrow(code('storage-failed'));
});

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let server: Server;
  let origin: string;
  let browser: Chromium;
  let profile: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    server = createServer((_, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await Chromium.start();
  });
  afterAll(async () => {
    await browser?.close();
    await new Promise((resolve) => server.close(resolve));
  });
  beforeEach(async () => {
    profile = await browser.profile();
    page = await browser.open(profile, origin, 0);
  });
  afterEach(() => profile.close());

  it('comes back, and is untouched by work that fails', async () => {
    expect(await append(page, 3)).toEqual([]);
    const failure = await page.evaluate(async () => {
      const { glasskey } = globalThis as unknown as StatePage;
      const failing = new glasskey.IndexedDbState().transact(() => Promise.reject(new Error('no')));
      return failing.catch((error: unknown) => (error as Error).message);
    });
    expect(failure).toBe('no');
    expect(await read(await browser.open(profile, origin, 0))).toBe('xxx');
  });

  it('is one operation’s at a time, over all pages', async () => {
    const other = await browser.open(profile, origin, 0);
    expect(await Promise.all([append(page, 20), append(other, 20)])).toEqual([[], []]);
    expect(await read(page)).toHaveLength(40);
  });

  it('loses nothing where the browser has no locks', async () => {
    const withoutLocks = await browser.profile();
    await withoutLocks.addInitScript(() =>
      Object.defineProperty((globalThis as unknown as { navigator: object }).navigator, 'locks', { value: undefined }),
    );
    const pages = [await browser.open(withoutLocks, origin, 0), await browser.open(withoutLocks, origin, 0)];
    const failures = (await Promise.all(pages.map((one) => append(one, 20)))).flat();
    expect(new Set(failures)).toEqual(new Set(['state-locked']));
    expect(await read(pages[0] as Page)).toHaveLength(40 - failures.length);
    await withoutLocks.close();
  });

  it('is a journal once it is large, which two pages write in turn and write anew', async () => {
    const other = await browser.open(profile, origin, 0);
    const change = (one: Page, from: number) =>
      one.evaluate(async (first) => {
        const { glasskey } = globalThis as unknown as StatePage;
        // One store a page: it knows what it read before.
        const kept = globalThis as unknown as { large?: InstanceType<typeof glasskey.IndexedDbState> };
        kept.large ??= new glasskey.IndexedDbState('large');
        const contact = (version: number) => ({
          version,
          commitment: new Uint8Array(32),
          value: new Uint8Array(900),
          monitored: [],
          ladder: [],
          monitoredAtMs: undefined,
        });
        for (let i = first; i < first + 10; i++) {
          await kept.large.transact(async (current) => {
            const contacts = new Map(current.contacts).set(`${i % 60}@example.com`, contact(i));
            return { next: { ...current, contacts }, result: undefined };
          });
        }
      }, from);
    for (let from = 0; from < 200; from += 20) {
      await change(page, from);
      await change(other, from + 10);
    }
    const found = await (
      await browser.open(profile, origin, 0)
    ).evaluate(async () => {
      const { glasskey, indexedDB } = globalThis as unknown as StatePage;
      const versions = await new glasskey.IndexedDbState('large').transact(async ({ contacts }) => ({
        result: [...contacts.values()].map(({ version }) => version),
      }));
      const values = await new Promise<number>((resolve) => {
        const opening = indexedDB.open('large');
        opening.addEventListener('success', () => {
          const store = opening.result.transaction('state', 'readonly').objectStore('state');
          const counting = store.count();
          counting.addEventListener('success', () => resolve(counting.result as unknown as number));
        });
      });
      return { versions, values };
    });
    expect(found.versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => 140 + i));
    // The head, the whole state, and the changes since; not all 160 of them.
    expect(found.values).toBeGreaterThan(3);
    expect(found.values).toBeLessThan(110);
  });

  it('gives up where another page holds it for long', async () => {
    const other = await browser.open(profile, origin, 0);
    await other.evaluate(() => {
      const { glasskey } = globalThis as unknown as StatePage;
      return new Promise<void>((resolve) => {
        void new glasskey.IndexedDbState().transact(() => {
          resolve();
          return new Promise<never>(() => undefined);
        });
      });
    });
    expect(await append(page, 1, 300)).toEqual(['state-locked']);
    await other.close();
    expect(await append(page, 1)).toEqual([]);
  });

  it('is refused where it is damaged, and stays as it is', async () => {
    await append(page, 1);
    for (const damaged of [{ revision: 1 }, { revision: 0.5, text: '' }, { revision: 1, text: '{}' }, 7, null]) {
      await page.evaluate((value) => {
        const { indexedDB } = globalThis as unknown as StatePage;
        return new Promise<void>((resolve) => {
          const opening = indexedDB.open('glasskey');
          opening.addEventListener('success', () => {
            const store = opening.result.transaction('state', 'readwrite').objectStore('state');
            store.put(value, 'state').addEventListener('success', resolve);
          });
        });
      }, damaged);
      expect(await append(page, 1)).toEqual(['state-corrupt']);
    }
  });

  it('opens the database again where the browser has closed it, and writes nothing twice', async () => {
    const outcomes = await page.evaluate(async () => {
      const { glasskey, indexedDB } = globalThis as unknown as StatePage;
      type Handle = { close(): void; transaction: (...args: unknown[]) => unknown };
      const handles: Handle[] = [];
      const indexedDb = {
        open: (name: string) => {
          const request = indexedDB.open(name);
          request.addEventListener('success', () => handles.push(request.result as unknown as Handle));
          return request;
        },
      };
      const state = new glasskey.IndexedDbState('closed', { indexedDb } as never);
      const append = () =>
        state.transact(async (current) => {
          return { next: { ...current, bundle: `${current.bundle ?? ''}x` }, result: current.bundle };
        });
      const found = [await append()];
      handles.at(-1)?.close();
      found.push(await append());
      for (const name of ['UnknownError', 'AbortError']) {
        const handle = handles.at(-1) as Handle;
        handle.transaction = () => {
          throw new DOMException('gone', name);
        };
        found.push(await append());
      }
      const refusing = handles.at(-1) as Handle;
      refusing.transaction = () => {
        throw new DOMException('full', 'QuotaExceededError');
      };
      const refused = await append().catch((error: unknown) => (error as { code: string }).code);
      return { found, refused, opened: handles.length };
    });
    expect(outcomes).toEqual({ found: [undefined, 'x', 'xx', 'xxx'], refused: 'storage-failed', opened: 4 });
  });

  it('lets go of a database that is to be deleted', async () => {
    await append(page, 2);
    const deleted = await page.evaluate(() => {
      const { indexedDB } = globalThis as unknown as StatePage;
      return new Promise<string>((resolve) => {
        const deleting = indexedDB.deleteDatabase('glasskey');
        deleting.addEventListener('success', () => resolve('deleted'));
      });
    });
    expect(deleted).toBe('deleted');
    expect(await read(page)).toBeUndefined();
  });
});
