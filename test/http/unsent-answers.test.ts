import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { UnsentAnswers, type UnsentBounds } from '../../src/http/unsent-answers.ts';

/** More than the kernel's buffers of one connection take. */
const ANSWER = Buffer.alloc(16 * 1024 * 1024);
/** For a busy machine. */
const PATIENCE = { timeout: 30_000 };
const NEVER = { graceMs: 2 ** 30, bytesPerSecond: 2 ** 30 };

let server: Server;
let sockets: Socket[] = [];
/** Connections that the server has closed. */
let dropped = (): number => 0;
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

async function serve(bounds: UnsentBounds): Promise<UnsentAnswers> {
  sockets = [];
  server = createServer((_, answer) => void answer.end(ANSWER));
  let count = 0;
  dropped = () => count;
  server.on('connection', (socket) => socket.once('close', () => (count += 1)));
  const unsent = UnsentAnswers.of(server, bounds);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return unsent;
}

/** Asks on connections of their own, and never reads. */
function ask(count: number): void {
  const { port } = server.address() as AddressInfo;
  for (let i = 0; i < count; i++) {
    const socket = connect(port, '127.0.0.1').pause();
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    sockets.push(socket);
  }
}

it('connections that do not read hold no more bytes than they may: the oldest is dropped', async () => {
  const unsent = await serve({ maxBytes: 4 * ANSWER.length, ...NEVER });
  ask(20);
  await vi.waitFor(() => expect(dropped()).toBeGreaterThanOrEqual(16 - 1), PATIENCE);
  expect(unsent.bytes).toBeLessThanOrEqual(4 * ANSWER.length);
  expect(unsent.bytes).toBeGreaterThan(0);
});

it('a connection that does not read is dropped at its deadline, and one that reads is not', async () => {
  const unsent = await serve({ maxBytes: 2 ** 40, graceMs: 0, bytesPerSecond: 2 ** 50 });
  ask(3);
  await vi.waitFor(() => expect(dropped()).toBe(3), PATIENCE);
  expect(unsent.bytes).toBe(0);
  const patient = await serve({ maxBytes: 2 ** 40, ...NEVER });
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  expect((await answer.arrayBuffer()).byteLength).toBe(ANSWER.length);
  await vi.waitFor(() => expect(patient.bytes).toBe(0), PATIENCE);
});
