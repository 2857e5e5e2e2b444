import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PATHS } from '../../src/contract/paths.ts';
import { GlasskeyError } from '../../src/core/errors.ts';
import type { LogStore } from '../../src/store/ports.ts';
import { csrFor, newDeviceKey } from '../support/owner.ts';
import { createTestServer, type TestServer, type TestServerOptions } from '../support/test-server.ts';

let server: TestServer;
afterEach(async () => {
  await server.close();
});

async function open(options: TestServerOptions = {}): Promise<void> {
  server = await createTestServer({ loop: false, ...options });
}

/** Registers; the answer waits for a step of the sequencer. */
async function register(): Promise<{ answer: Promise<unknown> }> {
  const { service, token, context } = server.log;
  const identity = 'alice@example.com';
  const csr = await csrFor(await newDeviceKey(), identity);
  const answer = service.issue({ identity, csr, token, change: undefined, last: undefined });
  answer.catch(() => undefined);
  await vi.waitFor(async () => expect(await context.store.queueDepth()).toBe(1), { interval: 2 });
  return { answer };
}

/** What `/readyz` says of the log. */
async function ready(): Promise<{ status: number; detail: string }> {
  const response = await fetch(server.url + PATHS.ready);
  const { checks } = (await response.json()) as { checks: { name: string; detail: string }[] };
  return { status: response.status, detail: checks.find(({ name }) => name === 'log')?.detail ?? '' };
}

async function queueWait(): Promise<number> {
  const text = await (await fetch(server.url + PATHS.metrics)).text();
  return Number(/^glasskey_queue_wait_seconds (\S+)$/m.exec(text)?.[1]);
}

describe('a log that does not move', () => {
  it('is not ready once a submission has waited, and is again when it is taken', async () => {
    await open({ limits: { standstillMs: 0 } });
    expect(await ready()).toEqual({ status: 200, detail: 'ok' });
    const { answer } = await register();
    // The first look notes what waits.
    await ready();
    expect(await ready()).toMatchObject({ status: 503, detail: expect.stringMatching(/^submissions wait for/) });
    expect(await queueWait()).toBeGreaterThan(0);
    await server.log.service.sequencer.step();
    await answer;
    expect(await ready()).toEqual({ status: 200, detail: 'ok' });
    expect(await queueWait()).toBe(0);
  });

  it('is not ready at the first question, if a submission has waited for long before', async () => {
    await open({ limits: { standstillMs: 100 } });
    await register();
    await sleep(1_000);
    expect(await ready()).toMatchObject({ status: 503, detail: expect.stringMatching(/^submissions wait for/) });
  });

  it('is ready while what waits has not waited for long', async () => {
    await open();
    await register();
    await ready();
    expect(await ready()).toEqual({ status: 200, detail: 'ok' });
  });

  it('is not ready while entries wait to be released', async () => {
    const release = () => Promise.reject(new GlasskeyError('storage-failed', 'disk full'));
    let broken = false;
    await open({
      limits: { standstillMs: 0 },
      wrap: (store) =>
        Object.assign(Object.create(store) as LogStore, {
          release: (head: Parameters<LogStore['release']>[0]) => (broken ? release() : store.release(head)),
        }),
    });
    await register();
    broken = true;
    await expect(server.log.service.sequencer.step()).rejects.toMatchObject({ code: 'storage-failed' });
    await ready();
    expect(await ready()).toMatchObject({ status: 503, detail: expect.stringMatching(/^entries wait to be released/) });
  });

  it('says why appending fails', async () => {
    const append = () => Promise.reject(new GlasskeyError('storage-failed', 'disk full'));
    let broken = false;
    await open({
      loop: true,
      limits: { standstillMs: 0 },
      wrap: (store) =>
        Object.assign(Object.create(store) as LogStore, {
          append: (batch: Parameters<LogStore['append']>[0]) => (broken ? append() : store.append(batch)),
        }),
    });
    broken = true;
    await register();
    const { service } = server.log;
    await vi.waitFor(() => expect(service.sequencer.trouble).toBeDefined());
    await ready();
    expect(await ready()).toMatchObject({ status: 503, detail: expect.stringContaining('storage-failed: disk full') });
  });

  it.each([
    [-300_000, /ahead of this server's clock/],
    [700_000, /^the newest entry is 700 s old/],
  ])('is not ready by a clock that is off by %i ms, and says so', async (ms, detail) => {
    await open();
    server.log.clock.advance(ms);
    expect(await ready()).toMatchObject({ status: 503, detail: expect.stringMatching(detail) });
  });
});

/** A store whose calls never end while `silent()`, and the number of such calls. */
function silencing(silent: () => boolean): { wrap: (store: LogStore) => LogStore; calls: () => number } {
  let calls = 0;
  const wrap = (store: LogStore): LogStore =>
    new Proxy(store, {
      get(target, name, receiver) {
        if (!silent()) return Reflect.get(target, name, receiver);
        return () => {
          calls++;
          return new Promise(() => undefined);
        };
      },
    });
  return { wrap, calls: () => calls };
}

describe('a database that does not answer', () => {
  it('is reported within a bound of time, and many questions are one look', async () => {
    let silent = false;
    const { wrap, calls } = silencing(() => silent);
    await open({ limits: { readinessMs: 200, standstillMs: 3_600_000 }, wrap });
    await ready();
    const ping = vi.spyOn(server.log.store, 'ping').mockReturnValue(new Promise(() => undefined));
    silent = true;
    for (let round = 0; round < 2; round++) {
      const answers = await Promise.all(Array.from({ length: 30 }, () => fetch(server.url + PATHS.ready)));
      for (const answer of answers) {
        expect(answer.status).toBe(503);
        expect(await answer.json()).toMatchObject({
          checks: [
            { name: 'database', detail: 'storage-failed: the database did not answer within 0.2 s' },
            { name: 'signer', detail: 'ok' },
            { name: 'log', detail: 'storage-failed: the log could not be read within 0.2 s' },
          ],
        });
      }
      const pages = await Promise.all(Array.from({ length: 30 }, () => fetch(server.url + PATHS.metrics)));
      expect(pages.map(({ status }) => status)).toEqual(Array(30).fill(200));
    }
    expect(ping).toHaveBeenCalledTimes(1);
    expect(calls()).toBeLessThanOrEqual(4);
  });

  it('for requests alone leaves the server ready, and its writer writing', async () => {
    let silent = false;
    const { wrap } = silencing(() => silent);
    await open({ wrap: (store, options) => (options?.reserved === true ? store : wrap(store)) });
    await register();
    silent = true;
    await server.log.service.sequencer.step();
    expect((await server.log.context.reserved.store.readReleased())?.size).toBe(2);
    expect(await ready()).toEqual({ status: 200, detail: 'ok' });
  });
});

describe('operators with a listener of their own', () => {
  it('see there what nobody sees elsewhere', async () => {
    await open({ hasOperatorListener: true });
    server.log.clock.advance(700_000);
    const shown = await fetch(server.url + PATHS.ready);
    expect([shown.status, await shown.json()]).toEqual([503, { status: 'not ready' }]);
    expect((await fetch(server.url + PATHS.metrics)).status).toBe(404);
    const { operators } = server;
    const reasons = await operators.request(PATHS.ready);
    expect(reasons.status).toBe(503);
    expect(await reasons.text()).toContain('the newest entry is 700 s old');
    expect(await (await operators.request(PATHS.metrics)).text()).toContain('glasskey_log_released_size');
    expect((await operators.request(PATHS.health)).status).toBe(200);
  });

  it('are served nothing else there', async () => {
    await open({ hasOperatorListener: true });
    for (const path of [PATHS.docs, PATHS.trustBundle, PATHS.issuerCrl]) {
      expect((await fetch(server.url + path)).status).toBe(200);
      expect((await server.operators.request(path)).status).toBe(404);
    }
  });
});
