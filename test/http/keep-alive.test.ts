import { Agent, get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Hono } from 'hono';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ApiServer, serveApp } from '../../src/http/server.ts';

const LISTEN = { host: '127.0.0.1', port: 0 };
const agent = new Agent({ keepAlive: true });

let server: ApiServer | undefined;
let releaseAnswer: (() => void) | undefined;
afterEach(async () => {
  vi.useRealTimers();
  releaseAnswer?.();
  await server?.close();
});

/** Serves `/` at once, `/late` when the test says so, and `/begun` with an answer whose end the test decides. */
async function serve(keepAliveMs?: number): Promise<ApiServer> {
  const released = new Promise<void>((resolve) => {
    releaseAnswer = resolve;
  });
  const app = new Hono();
  app.get('/', (c) => c.text('now'));
  app.get('/late', async (c) => {
    await released;
    return c.text('late');
  });
  app.get('/begun', () => {
    const body = new ReadableStream({
      start: async (controller) => {
        controller.enqueue(new TextEncoder().encode('begun, '));
        await released;
        controller.enqueue(new TextEncoder().encode('ended'));
        controller.close();
      },
    });
    return new Response(body);
  });
  server = await serveApp(app, LISTEN, undefined, keepAliveMs);
  return server;
}

function ask(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, { agent }, resolve).once('error', reject));
}

describe('a connection without a request', () => {
  it.each([
    [undefined, 75],
    [20_000, 20],
  ])('is kept longer than a load balancer keeps it (setting %s ms)', async (setting, seconds) => {
    const { url } = await serve(setting);
    const response = await ask(url);
    expect(response.headers).toMatchObject({
      connection: 'keep-alive',
      'keep-alive': expect.stringMatching(`^timeout=${seconds},`),
    });
    await text(response);
  });
});

describe('a server that closes', () => {
  /** From here on, no timer of the server fires: connections end because of what happens, or never. */
  const withoutTimers = (): void => void vi.useFakeTimers({ toFake: ['setTimeout'] });

  it('finishes the requests under way, says that their connections end, and ends them', async () => {
    const { url, close } = await serve();
    const late = ask(`${url}/late`);
    const begun = await ask(`${url}/begun`);
    const idle = await ask(url);
    const isIdleEnded = once(idle.socket, 'close');
    await text(idle);
    withoutTimers();
    const closed = close();
    await isIdleEnded;
    releaseAnswer?.();
    const response = await late;
    expect(response.headers.connection).toBe('close');
    expect([await text(response), await text(begun)]).toEqual(['late', 'begun, ended']);
    await closed;
  });

  it('ends a connection on which nothing was ever asked', async () => {
    const { url, close } = await serve();
    const silent = connect(Number(new URL(url).port), '127.0.0.1');
    await once(silent, 'connect');
    await text(await ask(url));
    withoutTimers();
    await Promise.all([once(silent.resume(), 'close'), close()]);
  });
});
