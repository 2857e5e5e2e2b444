import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CSR_MEDIA_TYPE,
  JOSE_MEDIA_TYPE,
  MAIL_MEDIA_TYPE,
  JSON_MEDIA_TYPE,
  KEYTRANS_MEDIA_TYPE,
  OCSP_REQUEST_MEDIA_TYPE,
} from '../../src/contract/media-types.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { distinguishedRequestCodec } from '../../src/core/keytrans/distinguished-messages.ts';
import { lookupBatchRequestCodec } from '../../src/core/keytrans/lookup-batch-messages.ts';
import { auditorTreeHeadCodec } from '../../src/core/keytrans/tree-head.ts';
import { createApp } from '../../src/http/app.ts';
import { readExplorer } from '../../src/http/explorer-files.ts';
import type { LogStore } from '../../src/store/ports.ts';
import { QUESTIONS } from '../support/keytrans-questions.ts';
import { identityOf } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const NAME = 'alice@example.com';
const OCSP_TRY_LATER = Buffer.from('30030a0103', 'hex');

/** A request, by its route: `method pattern`. */
interface Row {
  readonly route: string;
  /** Default: the pattern. */
  readonly path?: string;
  readonly type?: string;
  readonly body?: Uint8Array;
}

const get = (pattern: string, path = pattern): Row => ({ route: `GET ${pattern}`, path });
const post = (path: string, type: string, body: Uint8Array = new Uint8Array()): Row => {
  return { route: `POST ${path}`, path, type, body };
};

/** Answered from memory: no other work than to send what is there. */
const MEMORY: readonly Row[] = [
  get(PATHS.checkpoint),
  ...[PATHS.rootPem, PATHS.rootDer, PATHS.issuerPem, PATHS.issuerDer].map((path) => get(path)),
  get('/ca/issuers/*', '/ca/issuers/issuer.der'),
  get(PATHS.trustBundle),
  get(PATHS.estCaCerts),
  get(PATHS.estCsrAttributes),
  get(PATHS.notifyKeys),
  get(PATHS.acmeDirectory),
  get(PATHS.acmeNewNonce),
  get(PATHS.health),
  get(PATHS.openapi),
  get(PATHS.start),
  get(PATHS.docs),
  get('/explorer/*', readExplorer().assets[0]?.path),
];

/** Many questions at once are one look, with a deadline. */
const SHARED: readonly Row[] = [get(PATHS.ready), get(PATHS.metrics)];

/** Clients take turns, a few at once. */
const TURNS: readonly Row[] = [
  get(PATHS.logEnd),
  get('/log/tile/*', '/log/tile/entries/000.p/1'),
  get('/log/updates/*', '/log/updates/000'),
  get('/log/head/*', '/log/head/1'),
  get('/log/proof/*', '/log/proof/1'),
  get(PATHS.issuerCrl),
  get('/crl/issuer/*', '/crl/issuer/0.crl'),
  get('/crl/issuers/*', '/crl/issuers/issuer-2.crl'),
];
const OCSP_TURNS: readonly Row[] = [post(PATHS.ocsp, OCSP_REQUEST_MEDIA_TYPE), get('/ca/ocsp/*', '/ca/ocsp/MAA=')];

/** Charged to the budget of questions. */
const QUESTION: readonly Row[] = [
  ...Object.entries(QUESTIONS).map(([name, of]) => {
    return post(PATHS[name as keyof typeof PATHS], KEYTRANS_MEDIA_TYPE, of(NAME));
  }),
  post(
    PATHS.distinguished,
    KEYTRANS_MEDIA_TYPE,
    encode(distinguishedRequestCodec, { last: undefined, stop: undefined }),
  ),
  post(
    PATHS.lookupBatch,
    KEYTRANS_MEDIA_TYPE,
    encode(lookupBatchRequestCodec, { last: undefined, labels: [identityOf(NAME).label] }),
  ),
  post(
    PATHS.auditorHead,
    KEYTRANS_MEDIA_TYPE,
    encode(auditorTreeHeadCodec, { timestampMs: 1, treeSize: 9, signature: new Uint8Array(64) }),
  ),
];

/** Charged to the budget of a client or an application, before anything is read. */
const CLIENT: readonly Row[] = [
  ...[
    PATHS.certificates,
    PATHS.emailChallenges,
    PATHS.registrationGrants,
    PATHS.revocations,
    PATHS.recoveries,
    PATHS.vetoes,
    PATHS.notifyOrders,
    PATHS.notifyConfirmations,
  ].map((path) => {
    return post(path, JSON_MEDIA_TYPE);
  }),
  post(PATHS.acmeKeys, JSON_MEDIA_TYPE),
  post(PATHS.acmeMail, MAIL_MEDIA_TYPE),
  ...[PATHS.acmeNewAccount, PATHS.acmeNewOrder, PATHS.acmeRevokeCertificate, PATHS.acmeKeyChange].map((path) =>
    post(path, JOSE_MEDIA_TYPE),
  ),
  ...['account/:id', 'account/:id/orders', 'order/:id', 'order/:id/finalize', 'authz/:id', 'chall/:id', 'cert/:id'].map(
    (pattern) => post(`/acme/${pattern}`, JOSE_MEDIA_TYPE),
  ),
  ...[PATHS.estEnroll, PATHS.estReenroll].map((path) => post(path, CSR_MEDIA_TYPE)),
];

let server: TestServer;
/** While true, the database does not answer. */
let silent = false;
let calls = 0;
beforeAll(async () => {
  const once = { perSecond: 0.0001, burst: 1 };
  server = await createTestServer({
    limits: { maxReadsAtOnce: 1, maxOcspAtOnce: 1, maxReadsWaiting: 0, readinessMs: 100, standstillMs: 3_600_000 },
    rateLimits: { perClient: once, perApplication: undefined, perAsker: once, trustedProxies: ['127.0.0.1'] },
    wrap: (store) => {
      const unanswered = (): Promise<never> => {
        calls++;
        return new Promise(() => undefined);
      };
      const read = (target: LogStore, name: string | symbol): unknown => Reflect.get(target, name);
      return new Proxy(store, { get: (target, name) => (silent ? unanswered : read(target, name)) });
    },
    loop: false,
    explorer: true,
    acme: true,
  });
});
afterAll(async () => {
  silent = false;
  await server.close();
});

let hosts = 0;
const anAddress = (): string => `192.0.2.${(hosts += 1)}`;

async function ask({ route, path, type, body }: Row, from = anAddress()): Promise<{ status: number; body: Buffer }> {
  const headers = { 'x-forwarded-for': from, ...(type !== undefined && { 'content-type': type }) };
  const [method = '', pattern] = route.split(' ');
  const init = { method, headers, ...(body !== undefined && { body: new Uint8Array(body) }) };
  const response = await fetch(server.url + (path ?? pattern), init);
  return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
}

function codeOf(body: Buffer): unknown {
  return (JSON.parse(body.toString()) as { code?: unknown }).code;
}

const named = (rows: readonly Row[]): [string, Row][] => rows.map((row) => [row.route, row]);

describe('every route is bounded', () => {
  it('by one of these tables', () => {
    const { service } = server.log;
    const documents = { root: new Uint8Array(), issuer: new Uint8Array(), trustBundle: '' };
    const app = createApp({ service, documents, metrics: server.metrics, ping: () => Promise.resolve() });
    const routes = app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`);
    const rows = [...MEMORY, ...SHARED, ...TURNS, ...OCSP_TURNS, ...QUESTION, ...CLIENT].map(({ route }) => route);
    expect(rows.toSorted()).toEqual([...new Set(routes)].toSorted());
  });

  it.each(named(CLIENT))('by the budget of its client: %s', async (_, row) => {
    const from = anAddress();
    expect((await ask(row, from)).status).not.toBe(429);
    expect((await ask(row, from)).status).toBe(429);
  });

  it.each(named(QUESTION))('by the budget of questions: %s', async (_, row) => {
    const from = anAddress();
    expect((await ask(row, from)).status).not.toBe(429);
    const { status, body } = await ask(row, from);
    // A batch is refused name by name.
    if (row.path === PATHS.lookupBatch) expect(body.toString()).toContain('rate-limited');
    else expect([status, codeOf(body)]).toEqual([429, 'rate-limited']);
  });

  it.each(named([...TURNS, ...OCSP_TURNS]))('by turns: %s', async (_, row) => {
    expect((await ask(row)).status).toBeLessThan(500);
    const ends: (() => void)[] = [];
    const never = (): Promise<void> => new Promise((resolve) => ends.push(resolve));
    const held = Object.values(server.log.service.reading).map((semaphore) => semaphore.run(never));
    const { status, body } = await ask(row);
    if (OCSP_TURNS.includes(row)) expect(body).toEqual(OCSP_TRY_LATER);
    else expect([status, codeOf(body)]).toEqual([503, 'overloaded']);
    for (const end of ends) end();
    await Promise.all(held);
  });

  it.each(named(MEMORY))('because it is in memory: %s', async (_, row) => {
    expect((await ask(row)).status).toBeLessThan(300);
    silent = true;
    try {
      const before = calls;
      expect((await ask(row)).status).toBeLessThan(300);
      expect(calls).toBe(before);
    } finally {
      silent = false;
    }
  });

  it.each(named(SHARED))('by one look for all, with a deadline: %s', async (_, row) => {
    silent = true;
    const before = calls;
    await Promise.all(Array.from({ length: 50 }, () => ask(row)));
    silent = false;
    expect(calls - before).toBeLessThanOrEqual(3);
  });
});
