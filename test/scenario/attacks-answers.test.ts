import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, vi } from 'vitest';
import { httpAuditFiles } from '../../src/client/audit/audit-files.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { Transport } from '../../src/client/transport.ts';
import { platformFetch } from '../../src/core/net/bounded-fetch.ts';
import { IssuerKeys } from '../../src/service/evidence/oidc/issuer-keys.ts';
import { TricklingServer } from '../support/trickling-server.ts';
import { failure } from '../support/victims.ts';
import { attack } from './attack.ts';

/** Longer than every deadline of the program. */
const LONG_MS = 120_000;

const fetch = platformFetch;
const transport = (server: string) => new Transport({ server, fetch, timeoutMs: 30_000 });
const open = (server: string) => KeyDirectory.open({ server, state: new MemoryState() });
const lookUp = (server: string) => transport(server).postJson('/keytrans/v1/lookup', {});
const register = (server: string) => transport(server).postJson('/v1/certificates', {}, 'a token');
const auditFile = (server: string) =>
  httpAuditFiles({ prefix: `${server}/log/`, fetch, timeoutMs: 60_000 }).read('checkpoint', 1e6);

let trickling: TricklingServer;
let redirecting: Server;
/** Requests that reached the place which they were redirected to. */
let strayed: string[];
let url: string;

beforeEach(async () => {
  strayed = [];
  trickling = await TricklingServer.start('body');
  redirecting = createServer((request, response) => {
    const { url: path = '/', headers } = request;
    if (path === '/elsewhere') strayed.push(headers.authorization ?? path);
    response.writeHead(path === '/elsewhere' ? 200 : 307, { location: '/elsewhere' }).end('{}');
  });
  redirecting.listen(0, '127.0.0.1');
  await once(redirecting, 'listening');
  url = `http://127.0.0.1:${(redirecting.address() as AddressInfo).port}`;
});
afterEach(async () => {
  vi.useRealTimers();
  redirecting.closeAllConnections();
  redirecting.close();
  await trickling.close();
});

/** Asks a server that trickles, and lets all deadlines pass while it does. */
async function failureIn(ask: (url: string) => Promise<unknown>): Promise<unknown> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const asked = failure(ask(trickling.url));
  await trickling.trickled();
  vi.advanceTimersByTime(LONG_MS);
  const noticed = await asked;
  await trickling.abandoned();
  vi.useRealTimers();
  return noticed;
}

attack('answer-that-trickles', async () => [
  await failureIn(open),
  await failureIn(lookUp),
  await failureIn(auditFile),
]);

attack('redirect-elsewhere', async () => {
  const noticed = [];
  for (const ask of [open, lookUp, register, auditFile]) noticed.push(await failure(ask(url)));
  return strayed.length === 0 ? noticed : strayed;
});

attack('provider-that-trickles', () =>
  failureIn(async (jwksUri) => {
    const keys = new IssuerKeys({ issuer: 'https://id.example', jwksUri }, fetch, Date.now);
    await keys.get({ alg: 'ES256' }, { payload: '', signature: '' });
  }),
);
