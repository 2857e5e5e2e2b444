import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { boundedFetch, type Fetch, platformFetch } from '../../../src/core/net/bounded-fetch.ts';

const bounds = { timeoutMs: 60_000, maxBytes: 10, name: 'the server' };
const ask = (fetch: Fetch, more: object = {}) => boundedFetch(fetch, 'http://server.test/', {}, { ...bounds, ...more });
const answering =
  (response: Response): Fetch =>
  () =>
    Promise.resolve(response);
const failure = (code: string, message?: string) =>
  expect.objectContaining({ code, ...(message === undefined ? {} : { message }) }) as unknown;

/** An answer as a browser or a careless `fetch` shows it. */
function shownAs(facts: Partial<Record<'type' | 'status' | 'redirected', unknown>>): Response {
  return Object.defineProperties(
    new Response(null),
    Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, { value }])),
  );
}

describe('a request', () => {
  it('has a whole answer, whatever its status', async () => {
    const headers = { 'retry-after': '7' };
    const answer = await ask(answering(new Response('busy', { status: 503, statusText: 'Later', headers })));
    expect(answer).toMatchObject({ status: 503, statusText: 'Later', body: new TextEncoder().encode('busy') });
    expect(answer.headers.get('retry-after')).toBe('7');
    expect((await ask(answering(new Response(null, { status: 204 })))).body).toHaveLength(0);
  });

  it('asks not to be redirected, in the way that Workers know', async () => {
    const inits: RequestInit[] = [];
    await boundedFetch(
      async (_, init) => {
        inits.push(init);
        return new Response('');
      },
      'http://server.test/',
      { method: 'POST', redirect: 'follow' },
      bounds,
    );
    expect(inits).toMatchObject([{ method: 'POST', redirect: 'manual' }]);
  });

  it.each([
    ...[300, 301, 302, 303, 304, 307, 308].map((status) => ({
      what: `status ${status}`,
      response: shownAs({ status }),
    })),
    { what: 'a redirect that a browser hides', response: shownAs({ type: 'opaqueredirect', status: 0 }) },
    { what: 'a redirect that was followed nevertheless', response: shownAs({ redirected: true }) },
  ])('is refused for $what', async ({ response }) => {
    await expect(ask(answering(response))).rejects.toEqual(failure('bad-response'));
  });

  it('lets go of the body of a redirect', async () => {
    let isCancelled = false;
    const body = new ReadableStream({ cancel: () => void (isCancelled = true) });
    const response = new Response(body, { status: 307, headers: { location: 'http://elsewhere.test/' } });
    await expect(ask(answering(response))).rejects.toEqual(failure('bad-response'));
    expect(isCancelled).toBe(true);
  });

  it('is refused a body that is too long, and one that breaks off', async () => {
    await expect(ask(answering(new Response('12345678901')))).rejects.toEqual(
      failure('bad-response', 'the answer of the server (200) is longer than 10 bytes'),
    );
    const broken = new ReadableStream({ pull: (controller) => controller.error(new TypeError('terminated')) });
    await expect(ask(answering(new Response(broken)))).rejects.toEqual(failure('network-failed'));
  });

  it('says why there is no answer, in words that are safe to print', async () => {
    const refused = () => Promise.reject(new TypeError('fetch failed', { cause: new Error('refused\u001b[31m') }));
    await expect(ask(refused)).rejects.toEqual(
      failure('network-failed', 'no answer from the server: refused\ufffd[31m'),
    );
  });

  it('says what to do about a connection, without OpenSSL’s own lines', async () => {
    const plain = createServer((socket) => {
      // Unread data would keep the socket, and the server, open.
      socket.on('error', () => undefined).resume();
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>((listening) => plain.listen(0, '127.0.0.1', listening));
    const { port } = plain.address() as AddressInfo;
    const askAt = (url: string) => boundedFetch(fetch, url, {}, bounds).catch((error: unknown) => String(error));
    const tls = await askAt(`https://127.0.0.1:${port}`);
    await new Promise((closed) => plain.close(closed));
    expect(tls).toMatch(/no answer from the server: [a-z ]+\. Next: nothing speaks TLS there/);
    expect(tls).not.toMatch(/error:[0-9A-F]|openssl|SSL routines/);
    expect(await askAt(`http://127.0.0.1:${port}`)).toMatch(/ECONNREFUSED.*Next: check that the server runs/);
  });
});

describe('a kept connection that ends when it is used again', () => {
  /** Answers what is asked first on each connection, and ends it at the next request. */
  async function serve(): Promise<{ readonly url: string; readonly asked: string[]; close(): void }> {
    const asked: string[] = [];
    const used = new WeakSet<Socket>();
    const server = createHttpServer((request, answer) => {
      asked.push(`${request.method}`);
      if (used.has(request.socket)) return void request.socket.destroy();
      used.add(request.socket);
      answer.end('ok');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const close = (): void => server.close().closeAllConnections();
    return { url: `http://127.0.0.1:${port}/`, asked, close };
  }

  it.each([
    ['a GET', {}, {}, true],
    ['a question', { method: 'POST', body: 'who?' }, { onlyReads: true }, true],
    ['a submission', { method: 'POST', body: 'me!' }, {}, false],
    ['a PUT', { method: 'PUT', body: 'me!' }, {}, false],
  ])('costs nothing but another attempt, if what is asked is safe to repeat: %s', async (_, init, more, isRepeated) => {
    const server = await serve();
    const ask = () => boundedFetch(platformFetch, server.url, init, { ...bounds, ...more });
    try {
      await ask();
      // The connection is free for the next request a moment after the answer.
      await setImmediate();
      if (isRepeated) await expect(ask()).resolves.toMatchObject({ status: 200 });
      else await expect(ask()).rejects.toEqual(failure('network-failed'));
      expect(server.asked).toHaveLength(isRepeated ? 3 : 2);
    } finally {
      server.close();
    }
  });

  it('is no reason to ask for ever', async () => {
    let attempts = 0;
    const ended = Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
    const ending: Fetch = () => {
      attempts++;
      return Promise.reject(new TypeError('fetch failed', { cause: ended }));
    };
    await expect(ask(ending)).rejects.toEqual(failure('network-failed'));
    expect(attempts).toBe(3);
  });
});

describe('the deadline of a request', () => {
  const never = new Promise<never>(() => undefined);

  it('ends it though the fetch heeds no signal, and cancels an answer that comes too late', async () => {
    let answer: (response: Response) => void = () => undefined;
    const late = new Promise<Response>((resolve) => (answer = resolve));
    await expect(ask(() => late, { timeoutMs: 1 })).rejects.toEqual(
      failure('network-failed', 'no whole answer from the server within 1 ms'),
    );
    await new Promise<void>((cancelled) => {
      answer(new Response(new ReadableStream({ cancel: () => cancelled() })));
    });
  });

  it('ends a body that heeds no signal, which is cancelled', async () => {
    const reasons: unknown[] = [];
    const body = new ReadableStream({ pull: () => never, cancel: (reason) => void reasons.push(reason) });
    await expect(ask(answering(new Response(body)), { timeoutMs: 1 })).rejects.toEqual(failure('network-failed'));
    expect(reasons).toEqual([failure('network-failed')]);
  });

  it('may be longer than a timer can be', async () => {
    for (const timeoutMs of [2 ** 31, Infinity]) {
      const slow = new Promise<Response>((resolve) => setTimeout(() => resolve(new Response('')), 20));
      expect(await ask(() => slow, { timeoutMs })).toMatchObject({ status: 200 });
    }
  });

  it('comes earlier where the caller ends it, before or during the request', async () => {
    const ending = new AbortController();
    const asked = ask(() => never, { signal: ending.signal });
    ending.abort();
    await expect(asked).rejects.toEqual(failure('network-failed'));
    await expect(ask(() => never, { signal: ending.signal })).rejects.toEqual(failure('network-failed'));
  });
});
