import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseConnectionString } from '../../src/store/connection-string.ts';
import { PostgresConnector } from '../../src/store/postgres-connector.ts';

const PASSWORD = 'correct horse';

/** An Authentication message of PostgreSQL's protocol. */
function authentication(kind: number, data = ''): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(kind);
  const header = Buffer.from('R\0\0\0\0', 'latin1');
  header.writeUInt32BE(8 + data.length, 1);
  return Buffer.concat([header, body, Buffer.from(data)]);
}

const OK = authentication(0);
const CLEARTEXT = authentication(3);
const MD5 = authentication(5, 'salt');
const SASL = authentication(10, 'SCRAM-SHA-256\0\0');

let server: Server | undefined;
let received = '';
afterEach(async () => {
  if (server !== undefined) await once(server.close(), 'close');
});

/** Resolves to the error of a client whose messages are answered with these, one each. */
async function endOf(answers: readonly Buffer[], query: string): Promise<unknown> {
  received = '';
  server = createServer((socket) => {
    const left = [...answers];
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      received += bytes.toString('latin1');
      const answer = left.shift();
      if (answer === undefined) socket.end();
      else socket.write(answer);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `postgres://me:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/glasskey?${query}`;
  const connection = await new PostgresConnector(parseConnectionString(url), {}, 600_000).open();
  const [error] = (await once(connection, 'close').catch((cause: unknown) => [cause])) as readonly unknown[];
  return error;
}

describe('an impostor of the database', () => {
  it.each([
    ['offers no TLS', 'sslmode=require', [Buffer.from('N')], /the server offers no TLS/],
    ['asks for the password in clear, without TLS', 'sslmode=disable', [CLEARTEXT], /the password in clear/],
    ['strips TLS, and asks for it in clear', 'sslmode=prefer', [Buffer.from('N'), CLEARTEXT], /the password in clear/],
    ['asks for it in clear within SCRAM', 'sslmode=disable', [SASL, CLEARTEXT], /breaks off SCRAM/],
    ['asks for its MD5 within SCRAM', 'sslmode=disable', [SASL, MD5], /breaks off SCRAM/],
    ['lets everybody in within SCRAM', 'sslmode=disable', [SASL, OK], /breaks off SCRAM/],
  ])('that %s gets no password and no session', async (_, query, answers, error) => {
    expect(await endOf(answers, query)).toMatchObject({ message: expect.stringMatching(error) as string });
    expect(received).not.toMatch(/correct horse|md5[0-9a-f]{32}/);
  });
});
