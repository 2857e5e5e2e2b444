import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import { httpAuditFiles } from '../../src/client/audit/audit-files.ts';
import { Transport } from '../../src/client/transport.ts';
import { platformFetch } from '../../src/core/net/bounded-fetch.ts';

const TIMEOUT_MS = 60_000;
/** Each chunk inflates to this. */
const CHUNK = new Uint8Array(16 * 1024 * 1024);
/** Bytes that a client reads of an answer, and those which wait in sockets and inflaters. */
const MAX_READ_BYTES = 8 * 1024 * 1024;
const MAX_SENT_BYTES = 16 * 1024 * 1024;

let server: Server | undefined;
afterEach(() => server?.close().closeAllConnections());

/** Serves an answer without end in an encoding that nobody asked for. Counts what of it has left. */
async function serveBomb(
  coding: string,
  chunk: Uint8Array,
): Promise<{ url: string; sent(): number; left: Promise<unknown> }> {
  let sent = 0;
  let gone: (value: unknown) => void = () => undefined;
  const left = new Promise((resolve) => (gone = resolve));
  const bomb = createServer((_, answer) => {
    answer.writeHead(200, { 'content-encoding': coding, 'content-type': 'application/octet-stream' });
    const send = (): void => {
      if (answer.destroyed) return;
      sent += chunk.length;
      if (answer.write(chunk)) setImmediate(send);
      else answer.once('drain', send);
    };
    answer.once('close', gone);
    send();
  });
  server = bomb;
  await once(bomb.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(bomb.address() as AddressInfo).port}`, sent: () => sent, left };
}

const inflating: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['gzip', gzipSync(CHUNK, { level: 1 }), /longer than 8388608 bytes/],
  ['x-gzip', gzipSync(CHUNK, { level: 1 }), /longer than 8388608 bytes/],
  ['deflate', deflateSync(CHUNK, { level: 1 }), /longer than 8388608 bytes/],
  ['br', brotliCompressSync(CHUNK), /longer than 8388608 bytes/],
  ['gzip, gzip', gzipSync(gzipSync(CHUNK)), /more than once/],
  ['gzip, br, deflate', deflateSync(brotliCompressSync(CHUNK)), /more than once/],
];

it.each(inflating)('an answer that inflates without end is refused as it arrives: %s', async (coding, chunk, why) => {
  const { url, sent, left } = await serveBomb(coding, chunk);
  const before = process.memoryUsage().arrayBuffers;
  const transport = new Transport({ server: url, fetch: platformFetch, timeoutMs: TIMEOUT_MS });
  await expect(transport.getBytes('/x')).rejects.toMatchObject({
    code: 'bad-response',
    message: expect.stringMatching(why) as unknown,
  });
  // The client has hung up: no timeout ends this.
  await left;
  expect(sent()).toBeLessThan(MAX_SENT_BYTES);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * MAX_READ_BYTES + MAX_SENT_BYTES);
});

it('a file of an audit is bounded by its own length', async () => {
  const { url, left } = await serveBomb('gzip', gzipSync(CHUNK, { level: 1 }));
  const files = httpAuditFiles({ prefix: url, fetch: platformFetch, timeoutMs: TIMEOUT_MS });
  await expect(files.read('/checkpoint', 1_000)).rejects.toMatchObject({ code: 'bad-response' });
  await left;
});
