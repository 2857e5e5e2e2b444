import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { createCsr } from '../../src/client/csr.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { KEYTRANS_MEDIA_TYPE, LOOKUP_TOKEN_HEADER } from '../../src/contract/media-types.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { encodeUtf8 } from '../../src/core/encoding/bytes.ts';
import { QUESTIONS } from '../support/keytrans-questions.ts';
import { identityOf } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const SECRET = encodeUtf8('0123456789abcdef0123456789abcdef');
const THERE = 'tel:+15551234567';
const ABSENT = 'tel:+15557654321';
const ASKED_AT_ONCE = 60;

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer({
    rateLimits: {
      perClient: undefined,
      perApplication: undefined,
      trustedProxies: ['127.0.0.1'],
      perAsker: { perSecond: 0.001, burst: ASKED_AT_ONCE },
      lookups: { privateKinds: ['tel'], secret: SECRET },
    },
  });
  const owner = await client(await token('owner'));
  await owner.register(THERE, { token: server.log.token, key: await generateKey() });
  await owner.register('alice@example.com', { token: server.log.token, key: await generateKey() });
});
afterAll(() => server.close());

interface Claims {
  readonly aud?: string;
  readonly ageSeconds?: number;
  readonly secret?: Uint8Array;
}

/** A lookup token as the application makes it. */
function token(sub: string, { aud = 'log.example', ageSeconds = 0, secret = SECRET }: Claims = {}): Promise<string> {
  const madeAt = Math.floor(server.log.clock.now() / 1000) - ageSeconds;
  const jwt = new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setAudience(aud).setSubject(sub);
  return jwt
    .setIssuedAt(madeAt)
    .setExpirationTime(madeAt + 600)
    .sign(secret);
}

function client(lookupToken?: string): Promise<KeyDirectory> {
  const { url, log } = server;
  const shown = lookupToken === undefined ? undefined : () => lookupToken;
  return KeyDirectory.open({ server: url, state: new MemoryState(), now: log.clock.now, lookupToken: shown });
}

let hosts = 0;
/** Each asks from an address of its own, unless one is named. */
const fromNobody = () => ({ 'x-forwarded-for': `192.0.2.${(hosts += 1)}` });

async function ask(name: string, identity: string, headers: Record<string, string> = fromNobody()) {
  const response = await fetch(server.url + PATHS[name as keyof typeof PATHS], {
    method: 'POST',
    headers: { 'content-type': KEYTRANS_MEDIA_TYPE, ...headers },
    body: new Uint8Array(QUESTIONS[name]?.(identity) ?? []),
  });
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
}

async function post(path: string, body: unknown, headers: Record<string, string> = fromNobody()) {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.text() };
}

describe('private names', () => {
  it('are asked about by every operation but one', () => {
    const { distinguished, ...others } = server.log.service.keytrans;
    expect(distinguished).toBeDefined();
    expect(Object.keys(QUESTIONS).sort()).toEqual(Object.keys(others).sort());
  });

  it.each(Object.keys(QUESTIONS))('are refused by %s alike, there or not, and nothing is looked up', async (name) => {
    const { store, vrf } = server.log.context;
    const reads = [vi.spyOn(store, 'readLabelAt'), vi.spyOn(store, 'readHashedLabelAt')];
    const spies = [...reads, vi.spyOn(vrf, 'labelKey')];
    const [there, absent] = [await ask(name, THERE), await ask(name, ABSENT)];
    expect(there).toEqual(absent);
    expect([there.status, there.body.includes('unauthenticated')]).toEqual([401, true]);
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  it('are not told by requests that show nothing but a key', async () => {
    const change = { request: 'AAAA', signer: Buffer.alloc(32).toString('base64'), signature: 'AAAA' };
    const key = await generateKey();
    const answers = async (identity: string) => {
      const csr = await createCsr(identityOf(identity), key);
      return [
        await post(PATHS.certificates, { identity, csr, evidence: { type: 'key' } }),
        await post(PATHS.certificates, { identity, csr, change }),
        await post(PATHS.certificates, { identity, csr }),
        await post(PATHS.revocations, { identity, all: true, change }),
        await post(PATHS.vetoes, { identity, change }),
        await post(PATHS.recoveries, { identity, csr, evidence: { type: 'key' } }),
        await post(PATHS.recoveries, { identity, csr }),
      ];
    };
    const { store, vrf } = server.log.context;
    const reads = [vi.spyOn(store, 'readLabelAt'), vi.spyOn(store, 'readHashedLabelAt')];
    const spies = [...reads, vi.spyOn(vrf, 'labelKey')];
    const [there, absent] = [await answers(THERE), await answers(ABSENT)];
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
    expect(there).toEqual(absent);
    expect(there.map(({ status }) => status)).toEqual(there.map(() => 401));
  });

  it('are told to bearers of a token of the application, and the others to everybody', async () => {
    const bearer = await client(await token('bob'));
    await expect(bearer.lookup(THERE)).resolves.toMatchObject({ found: true });
    await expect(bearer.lookup(ABSENT)).resolves.toMatchObject({ found: false });
    await expect(bearer.monitor([THERE])).resolves.toHaveLength(1);
    const stranger = await client();
    await expect(stranger.lookup('alice@example.com')).resolves.toMatchObject({ found: true });
    await expect(stranger.lookup(THERE)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('are not registered, revoked or recovered by the bearer of a lookup token', async () => {
    const lookupToken = await token('eve');
    const key = await generateKey();
    const headers = { [LOOKUP_TOKEN_HEADER]: lookupToken, authorization: `Bearer ${lookupToken}` };
    const answers = [];
    for (const identity of [THERE, ABSENT]) {
      const csr = await createCsr(identityOf(identity), key);
      for (const shown of [headers, { [LOOKUP_TOKEN_HEADER]: lookupToken }]) {
        answers.push(await post(PATHS.certificates, { identity, csr }, shown));
        answers.push(await post(PATHS.revocations, { identity, all: true }, shown));
        answers.push(await post(PATHS.recoveries, { identity, csr }, shown));
      }
    }
    // 409: a bearer may know that the name has a key, and is asked for a change that this key signed.
    expect(answers.filter(({ status }) => status !== 401 && status !== 409)).toEqual([]);
    const bearer = await client(lookupToken);
    await expect(bearer.lookup(THERE)).resolves.toMatchObject({ found: true, binding: { version: 0 } });
    await expect(bearer.lookup(ABSENT)).resolves.toMatchObject({ found: false });
  });

  it('are not told to who has a token that is not the application’s, of another log, or old', async () => {
    const claims = { iat: Math.floor(server.log.clock.now() / 1000), aud: 'log.example', sub: 'eve' };
    const wrong = [
      await token('eve', { secret: encodeUtf8('another secret of the same length') }),
      await token('eve', { aud: 'other.example' }),
      await token('eve', { ageSeconds: 3600 }),
      await token(''),
      new UnsecuredJWT({ ...claims, exp: claims.iat + 600 }).encode(),
      // It could be used for ever.
      await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(SECRET),
      'x'.repeat(3_000),
      `${await token('eve')}x`,
    ];
    for (const one of wrong) {
      const answer = await ask('lookup', THERE, { ...fromNobody(), [LOOKUP_TOKEN_HEADER]: one });
      expect([answer.status, one.length]).toEqual([401, one.length]);
    }
    expect((await ask('lookup', THERE, { [LOOKUP_TOKEN_HEADER]: await token('eve') })).status).toBe(200);
  });
});

describe('questions', () => {
  it('are counted for each bearer and each address, whatever they are about', async () => {
    const shown = { [LOOKUP_TOKEN_HEADER]: await token('curious'), 'x-forwarded-for': '198.51.100.1' };
    const statuses: number[] = [];
    for (let i = 0; i <= ASKED_AT_ONCE; i++) statuses.push((await ask('chain', ABSENT, shown)).status);
    expect(statuses.indexOf(429)).toBe(ASKED_AT_ONCE);
    expect((await ask('lookup', THERE, shown)).status).toBe(429);
    // The address has a budget of its own; tokens that are guessed come out of it.
    const { 'x-forwarded-for': address } = shown;
    for (let i = 0; i < ASKED_AT_ONCE; i++) {
      await ask('chain', ABSENT, { 'x-forwarded-for': address, [LOOKUP_TOKEN_HEADER]: 'guess' });
    }
    expect((await ask('lookup', 'alice@example.com', { 'x-forwarded-for': address })).status).toBe(429);
    expect((await ask('lookup', 'alice@example.com')).status).toBe(200);
  });
});
