import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCsr } from '../../src/client/csr.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { DEFAULT_EVIDENCE } from '../../src/service/evidence/evidence-settings.ts';
import { identityOf } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer({
    evidence: { ...DEFAULT_EVIDENCE, identityLimit: { perSecond: 0.01, burst: 2 } },
    rateLimits: {
      perClient: { perSecond: 0.1, burst: 3 },
      perApplication: { perSecond: 1, burst: 8 },
      trustedProxies: ['127.0.0.1'],
    },
  });
});
afterAll(() => server.close());

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly retryAfter: string | null;
}

async function post(body: unknown, headers: Record<string, string>): Promise<Answer> {
  const response = await fetch(server.url + PATHS.certificates, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as { code?: string };
  return { status: response.status, code: answer.code, retryAfter: response.headers.get('retry-after') };
}

const application = () => ({ authorization: `Bearer ${server.log.token}` });
const from = (address: string) => ({ 'x-forwarded-for': address });
/** How many of `count` bad requests are told that they are bad, before the rest are too many. */
async function admitted(count: number, headers: () => Record<string, string>): Promise<number> {
  const codes: (string | undefined)[] = [];
  for (let i = 0; i < count; i++) codes.push((await post({}, headers())).code);
  const limited = codes.findIndex((code) => code === 'rate-limited');
  return limited < 0 ? count : limited;
}

describe('limits of one client', () => {
  it('count requests of an address, tell when to come back, and let it back in then', async () => {
    expect(await admitted(5, () => from('192.0.2.1'))).toBe(3);
    expect(await post({}, from('192.0.2.1'))).toEqual({ status: 429, code: 'rate-limited', retryAfter: '10' });
    server.log.clock.advance(10_000);
    expect(await admitted(2, () => from('192.0.2.1'))).toBe(1);
  });

  it('are not evaded by what a client writes before its own address', async () => {
    let n = 0;
    expect(await admitted(6, () => from(`198.51.100.${n++}, 192.0.2.2`))).toBe(3);
    expect(await admitted(6, () => from(`192.0.2.3, 127.0.0.1`))).toBe(3);
  });

  it('count a network of IPv6 as one client, however it is written', async () => {
    const spellings = ['2001:db8::1', '2001:DB8:0:0:ffff::', '2001:0db8:0000::2', '2001:db8:0:0:1:2:3:4'];
    let n = 0;
    expect(await admitted(4, () => from(spellings[n++] as string))).toBe(3);
    expect(await admitted(1, () => from('2001:db8:0:1::1'))).toBe(1);
  });

  it('count guesses of tokens as those of their address', async () => {
    const guess = (i: number) => ({ ...from('192.0.2.4'), authorization: `Bearer gkt_${String(i).padStart(43, 'A')}` });
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 5; i++) codes.push((await post({}, guess(i))).code);
    const wrong = 'unauthenticated';
    expect(codes).toEqual([wrong, wrong, wrong, 'rate-limited', 'rate-limited']);
    const body = { identity: 'a@example.com', csr: await createCsr(identityOf('a@example.com'), await generateKey()) };
    expect((await post(body, { ...from('192.0.2.4'), ...application() })).status).toBe(201);
  });

  it('count an application by its token', async () => {
    const n = await admitted(10, () => ({ ...from('192.0.2.5'), ...application() }));
    expect(n).toBeLessThan(9);
    server.log.clock.advance(60_000);
  });
});

describe('the limit of one identity', () => {
  it('counts what an owner gets, not what a stranger asks for or what was given before', async () => {
    const client = await server.client();
    const key = await generateKey();
    const name = 'often@example.com';
    const csr = await createCsr(identityOf(name), key);
    const ask = (headers: Record<string, string>, more: object = {}) => post({ identity: name, csr, ...more }, headers);
    expect((await ask({ ...from('192.0.2.10'), ...application() })).status).toBe(201);
    for (let i = 0; i < 3; i++) {
      const stranger = await createCsr(identityOf(name), await generateKey());
      expect((await ask(from('192.0.2.11'), { csr: stranger })).code).toMatch(/change-required|rate-limited/);
      expect((await ask({ ...from('192.0.2.12') }, { evidence: { type: 'key' } })).status).toBe(201);
    }
    server.log.clock.advance(60_000);
    await client.register(name, { credentials: key, key: await generateKey() });
    await expect(client.register(name, { credentials: key, key: await generateKey() })).rejects.toMatchObject({
      code: 'rate-limited',
    });
  });
});
