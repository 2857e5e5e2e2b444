import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseConnectionString } from '../../src/store/connection-string.ts';
import { PostgresConnector } from '../../src/store/postgres-connector.ts';

const MIB = 1024 * 1024;
const TOO_MUCH = /^the database sent more than 2 MiB before its session was ready$/;
/** What a server sends at most: much more than a client may take, and too little to hang on. */
const FLOOD_BYTES = 64 * MIB;
/** Longer than any test waits: what ends a flood is its size. */
const TIMEOUT_MS = 600_000;

/** A message of PostgreSQL's protocol. */
function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(type, 'latin1');
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

const AUTHENTICATED = message('R', Buffer.alloc(4));
const READY = message('Z', Buffer.from('I'));
const SASL = message('R', Buffer.concat([Buffer.from([0, 0, 0, 10]), Buffer.from('SCRAM-SHA-256\0\0')]));
const FILLER = Buffer.from(`glasskey\0${'x'.repeat(1000)}\0`);
const PARAMETER = message('S', FILLER);
const NOTICE = message('N', FILLER);
const ROW = message('D', Buffer.concat([Buffer.from([0, 1, 0, 0, 3, 232]), Buffer.alloc(1000, 'x')]));

/** A server that answers each of the client's messages with the next of these, and repeats `flood` after the last. */
interface Flooder {
  readonly answers: readonly Buffer[];
  readonly flood: Buffer;
}

let server: Server | undefined;
const sockets = new Set<Socket>();
let sent = 0;
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  if (server === undefined) return;
  await once(server.close(), 'close');
});

async function startFlooder({ answers, flood }: Flooder): Promise<string> {
  sent = 0;
  const block = Buffer.concat(Array.from({ length: Math.ceil((64 * 1024) / flood.length) }, () => flood));
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const pour = (): void => {
      let hasRoom = true;
      while (hasRoom && sent < FLOOD_BYTES) {
        hasRoom = socket.write(block);
        sent += block.length;
      }
      if (sent >= FLOOD_BYTES) socket.end();
    };
    const left = [...answers];
    socket.on('data', () => {
      const answer = left.shift();
      if (answer !== undefined) socket.write(answer);
      if (left.length > 0) return;
      socket.removeAllListeners('data').on('drain', pour);
      pour();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `postgres://me:secret@127.0.0.1:${(server.address() as AddressInfo).port}/glasskey`;
}

/** Resolves to the error with which the connection of a session ends. */
async function endOf(url: string): Promise<unknown> {
  const connector = new PostgresConnector(parseConnectionString(url), { jit: 'off' }, TIMEOUT_MS);
  const connection = await connector.open();
  const [error] = (await once(connection, 'close').catch((cause: unknown) => [cause])) as readonly unknown[];
  return error;
}

describe('a database that floods a connection', () => {
  it.each([
    ['before TLS', [], /^the database sent data before TLS$/],
    ['instead of the TLS handshake', [Buffer.from('S'), Buffer.alloc(0)], /wrong version number/],
  ])('%s is left', async (_, answers, error) => {
    const url = await startFlooder({ answers, flood: NOTICE });
    expect(await endOf(`${url}?sslmode=require`)).toMatchObject({ message: expect.stringMatching(error) as string });
    expect(sent).toBeLessThan(FLOOD_BYTES);
  });

  it.each([
    ['instead of authenticating', [], NOTICE],
    ['within a message of SCRAM', [SASL], NOTICE],
    ['with parameters, before it is ready', [AUTHENTICATED], PARAMETER],
    ['with rows, when its settings are made', [Buffer.concat([AUTHENTICATED, READY])], ROW],
  ])('%s is left', async (_, answers, flood) => {
    const url = await startFlooder({ answers, flood });
    expect(await endOf(`${url}?sslmode=disable`)).toMatchObject({ message: expect.stringMatching(TOO_MUCH) as string });
    expect(sent).toBeLessThan(FLOOD_BYTES);
  });
});
