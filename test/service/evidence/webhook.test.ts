import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseCertificate } from '../../../src/ca/certificate.ts';
import { generateKey } from '../../../src/client/client-key.ts';
import type { KeyDirectory } from '../../../src/client/key-directory.ts';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { DEFAULT_EVIDENCE } from '../../../src/service/evidence/evidence-settings.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';
import { parsePem } from '../../../src/ca/der/pem.ts';

const SECRET = 'a secret of the operator';
const DAY_MS = 86_400_000;

interface Question {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the webhook does: a status and a body, or nothing at all. */
type Reply = { readonly status?: number; readonly body: string; readonly location?: string } | 'silence';
const APPROVE: Reply = { body: '{"decision":"approve"}' };

let reply: Reply = APPROVE;
const questions: Question[] = [];
const webhook = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    questions.push({ headers: request.headers, body });
    if (reply === 'silence') return;
    response.writeHead(reply.status ?? 200, reply.location === undefined ? {} : { location: reply.location });
    response.end(reply.body);
  });
});

let server: TestServer;
let client: KeyDirectory;
beforeAll(async () => {
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/hook`;
  server = await createTestServer({
    evidence: {
      ...DEFAULT_EVIDENCE,
      identityLimit: { perSecond: 1e-9, burst: 4 },
      webhook: { url, secret: SECRET, timeoutMs: 300, operations: ['register', 'add', 'rotate', 'renew'] },
    },
  });
  client = await server.client();
});
afterAll(async () => {
  await server.close();
  webhook.closeAllConnections();
  await new Promise((resolve) => webhook.close(resolve));
});
beforeEach(() => {
  questions.length = 0;
});
afterEach(() => {
  reply = APPROVE;
});

const register = async (name: string) => {
  const key = await generateKey();
  const issued = await client.register(name, { token: server.log.token, key });
  return { key, issued };
};
const asked = () => questions.map(({ body }) => (JSON.parse(body) as { operation: string }).operation);

describe('a webhook', () => {
  it('is asked in words that are signed and dated', async () => {
    const { key } = await register('alice@example.com');
    const [{ headers, body }] = questions as [Question];
    const timestamp = String(server.log.clock.nowMs / 1000);
    const hmac = createHmac('sha256', SECRET).update(`${timestamp}.${body}`).digest('hex');
    expect(headers['glasskey-timestamp']).toBe(timestamp);
    expect(headers['glasskey-signature']).toBe(`v1=${hmac}`);
    expect(JSON.parse(body)).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      timestamp: Number(timestamp),
      operation: 'register',
      identity: 'alice@example.com',
      evidence: { type: 'application' },
      spkiSha256: formatHex(sha256(key.spki)),
      version: 0,
    });
  });

  it('is told what is going to happen, and not asked about revocations', async () => {
    const { key } = await register('bob@example.com');
    const second = await generateKey();
    await client.register('bob@example.com', { credentials: key, key: second });
    await client.rotate('bob@example.com', second, await generateKey());
    await client.renew('bob@example.com', key);
    await client.revoke('bob@example.com', key);
    expect(asked()).toEqual(['register', 'add', 'rotate', 'renew']);
  });

  it('shortens a validity, and does not lengthen it', async () => {
    const lifetime = async (name: string) => {
      const { notAfterMs } = parseCertificate(parsePem('CERTIFICATE', (await register(name)).issued.certificate));
      return notAfterMs - server.log.clock.nowMs;
    };
    reply = { body: '{"decision":"approve","validitySeconds":86400}' };
    expect(await lifetime('short@example.com')).toBe(DAY_MS);
    reply = { body: '{"decision":"approve","validitySeconds":864000000}' };
    expect(await lifetime('long@example.com')).toBeLessThanOrEqual(90 * DAY_MS);
  });

  it('denies, with its reason and without a version', async () => {
    reply = { body: '{"decision":"deny","reason":"not one of ours"}' };
    await expect(register('carol@example.com')).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining('not one of ours'),
    });
    expect((await client.lookup('carol@example.com')).found).toBe(false);
  });

  it.each<[string, Reply]>([
    ['says nothing', 'silence'],
    ['fails', { status: 500, body: '{"decision":"approve"}' }],
    ['sends elsewhere', { status: 307, location: '/approve', body: '' }],
    ['answers with another status', { status: 201, body: '{"decision":"approve"}' }],
    ['answers nothing', { body: '' }],
    ['answers no JSON', { body: 'approve' }],
    ['answers another word', { body: '{"decision":"APPROVE"}' }],
    ['answers a list', { body: '[{"decision":"approve"}]' }],
    ['answers null', { body: 'null' }],
    ['adds what nobody knows', { body: '{"decision":"approve","unless":"it rains"}' }],
    ['gives a validity that is none', { body: '{"decision":"approve","validitySeconds":"1d"}' }],
    ['gives no time', { body: '{"decision":"approve","validitySeconds":0}' }],
    ['does not stop', { body: `{"decision":"approve","reason":"${'x'.repeat(20_000)}"}` }],
  ])('that %s is a no, which costs the identity nothing', async (_, what) => {
    reply = what;
    await expect(register('dave@example.com')).rejects.toMatchObject({ code: 'webhook-unavailable', status: 503 });
    expect((await client.lookup('dave@example.com')).found).toBe(false);
    expect(questions).toHaveLength(1);
  });

  it('is not asked again about what was answered', async () => {
    const key = await generateKey();
    const csr = await import('../../../src/client/csr.ts').then(({ createCsr }) =>
      createCsr(client.identity('erin@example.com'), key),
    );
    const order = { token: server.log.token, csr };
    const first = await client.register('erin@example.com', order);
    reply = { body: '{"decision":"deny"}' };
    expect((await client.register('erin@example.com', order)).certificate).toBe(first.certificate);
    expect(asked()).toEqual(['register']);
  });
});
