import { connect, type Socket } from 'node:net';
import { Hono } from 'hono';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type ApiServer, serveApp } from '../../src/http/server.ts';

/** For a busy machine. */
const PATIENCE = { timeout: 10_000 };

let server: ApiServer;
let socket: Socket;
/** Paths whose handlers have started, those whose askers were found to have left, and what the client has read. */
let started: string[];
let left: string[];
let received: string;

beforeEach(async () => {
  started = [];
  left = [];
  received = '';
  const app = new Hono();
  app.get('/slow/:id', ({ req }) => {
    started.push(req.path);
    const { signal } = req.raw;
    return new Promise<Response>((resolve) => {
      signal.addEventListener('abort', () => {
        left.push(req.path);
        resolve(new Response());
      });
    });
  });
  app.all('/:id', async (context) => {
    started.push(context.req.path);
    return context.text(`<${context.req.path} ${await context.req.text()}>`);
  });
  server = await serveApp(app, { host: '127.0.0.1', port: 0 });
  socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.on('data', (data) => (received += data.toString()));
});
afterEach(async () => {
  socket.destroy();
  await server.close();
});

function requests(paths: readonly string[]): string {
  return paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`).join('');
}

function numbered(count: number, prefix: string): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

const bodies = (): string[] => Array.from(received.matchAll(/<(.*?)>/g), ([, body]) => body ?? '');

it('a connection with a thousand requests at once is dropped, and none of them goes on', async () => {
  socket.write(requests(numbered(1000, '/slow/')));
  await vi.waitFor(() => expect(socket.closed).toBe(true), PATIENCE);
  await vi.waitFor(() => expect(left).toEqual(started), PATIENCE);
  expect(started.length).toBeLessThanOrEqual(4);
});

it('no request of a connection is begun if too many arrive together', async () => {
  socket.write(requests(numbered(20, '/')));
  await vi.waitFor(() => expect(socket.closed).toBe(true), PATIENCE);
  expect(started).toEqual([]);
});

it('requests whose client has left before their turn are not begun', async () => {
  socket.write(requests(numbered(4, '/slow/')));
  await vi.waitFor(() => expect(started).toContain('/slow/0'), PATIENCE);
  socket.destroy();
  await vi.waitFor(() => expect(left).toEqual(['/slow/0']), PATIENCE);
  expect(started).toEqual(['/slow/0']);
});

it('a few requests at once are answered in order, with their bodies', async () => {
  const post = 'POST /b HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\nbody';
  socket.write(requests(['/a']) + post + requests(['/c', '/d']));
  await vi.waitFor(() => expect(bodies()).toEqual(['/a ', '/b body', '/c ', '/d ']), PATIENCE);
});

it('a connection that waits for each answer may go on', async () => {
  const paths = numbered(20, '/');
  for (const [i, path] of paths.entries()) {
    socket.write(requests([path]));
    await vi.waitFor(() => expect(bodies()).toHaveLength(i + 1), { ...PATIENCE, interval: 2 });
  }
  expect(started).toEqual(paths);
});
