import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createCsr } from '../../src/client/csr.ts';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { oidcNonce } from '../../src/client/client-key.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { type RateLimitSettings, NO_RATE_LIMITS } from '../../src/http/rate-limits.ts';
import { DEFAULT_EVIDENCE } from '../../src/service/evidence/evidence-settings.ts';
import { identityTemplate, type IdentityTemplate } from '../../src/service/evidence/oidc/identity-template.ts';
import { DEFAULT_OIDC_ALGORITHMS } from '../../src/service/evidence/oidc/oidc-settings.ts';
import { type ProviderAccount, startProvider, type TestProvider } from '../support/oidc-provider.ts';
import { identityOf } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

let provider: TestProvider;
let server: TestServer;
beforeAll(async () => {
  provider = await startProvider();
  server = await startServer();
});

/** A server that takes this provider's word for addresses of one domain, for two minutes. */
function startServer(rateLimits?: RateLimitSettings): Promise<TestServer> {
  const { issuer, audience } = provider;
  const identity = identityTemplate('{email}') as IdentityTemplate;
  const times = { clockSkewMs: 60_000, maxAgeMs: 120_000 };
  const known = { issuer, audiences: [audience], identity, algorithms: DEFAULT_OIDC_ALGORITHMS, jwksUri: undefined };
  return createTestServer({
    startMs: Date.now(),
    ...(rateLimits === undefined ? {} : { rateLimits }),
    evidence: {
      ...DEFAULT_EVIDENCE,
      policy: [{ identities: 'email', domains: ['example.com'], evidence: [`oidc:${issuer}`] }],
      oidc: [{ ...known, ...times }],
    },
  });
}
afterAll(async () => {
  await server.close();
  await provider.close();
});

const account = (email: string): ProviderAccount => ({ sub: email, email, email_verified: true });
const logIn = (email: string, key: ClientKey) => provider.logIn(account(email), oidcNonce(key));

async function post(
  identity: string,
  key: ClientKey,
  token: string,
  { url } = server,
): Promise<{ status: number; code?: string }> {
  const csr = await createCsr(identityOf(identity), key);
  const response = await fetch(url + PATHS.certificates, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identity, csr, evidence: { type: 'oidc', token } }),
  });
  const { code } = (await response.json()) as { code?: string };
  return { status: response.status, ...(code === undefined ? {} : { code }) };
}

describe('registering with a real OpenID provider', () => {
  it('binds the name to the key, and shows every contact whose word it is', async () => {
    const key = await generateKey();
    const idToken = await logIn('alice@example.com', key);
    const owner = await server.client();
    const issued = await owner.register('alice@example.com', { idToken, key });
    expect(issued.binding.certificates).toHaveLength(1);
    const contact = await server.client();
    const found = await contact.lookup('alice@example.com');
    expect(found.found && found.binding.claimed).toEqual({
      type: 'initial',
      evidence: { type: 'oidc', issuer: provider.issuer },
    });
    const { versions } = await contact.history('alice@example.com');
    expect(versions[0]?.claimed).toMatchObject({ evidence: { type: 'oidc', issuer: provider.issuer } });
  });

  it('refuses a captured token for another key, another name, a name that has a key, and a domain that is not listed', async () => {
    const key = await generateKey();
    const token = await logIn('bob@example.com', key);
    const thief = await generateKey();
    expect(await post('bob@example.com', thief, token)).toEqual({ status: 401, code: 'token-refused' });
    expect(await post('carol@example.com', key, token)).toEqual({ status: 403, code: 'forbidden' });
    expect((await post('bob@example.com', key, token)).status).toBe(201);
    const second = await generateKey();
    const again = await logIn('bob@example.com', second);
    expect(await post('bob@example.com', second, again)).toEqual({ status: 409, code: 'change-required' });
    const elsewhere = await logIn('bob@elsewhere.example', key);
    expect(await post('bob@elsewhere.example', key, elsewhere)).toEqual({ status: 403, code: 'forbidden' });
  });

  it('does not take an application’s word, where the table does not', async () => {
    const key = await generateKey();
    const client = await server.client();
    const { token } = server.log;
    await expect(client.register('dora@example.com', { token, key })).rejects.toMatchObject({ code: 'forbidden' });
    const revocation = { identity: 'alice@example.com', all: true };
    const response = await fetch(server.url + PATHS.revocations, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(revocation),
    });
    expect(response.status).toBe(403);
  });

  it('refuses an address that the provider has not verified', async () => {
    const key = await generateKey();
    const unverified = { ...account('eve@example.com'), email_verified: false };
    const token = await provider.logIn(unverified, oidcNonce(key));
    expect(await post('eve@example.com', key, token)).toEqual({ status: 401, code: 'token-refused' });
  });

  it('follows a provider that changes its key', async () => {
    await provider.rotate();
    server.log.clock.advance(31_000);
    const key = await generateKey();
    expect((await post('heidi@example.com', key, await logIn('heidi@example.com', key))).status).toBe(201);
  });

  it('says so when the provider is down, loses nothing, and goes on when it is back', async () => {
    const key = await generateKey();
    const token = await logIn('ivan@example.com', key);
    const fresh = await startServer();
    provider.breakDown();
    expect(await post('ivan@example.com', key, token, fresh)).toEqual({ status: 503, code: 'issuer-unavailable' });
    provider.repair();
    expect(await post('ivan@example.com', key, token, fresh)).toEqual({ status: 503, code: 'issuer-unavailable' });
    expect((await (await fresh.client()).lookup('ivan@example.com')).found).toBe(false);
    fresh.log.clock.advance(31_000);
    expect((await post('ivan@example.com', key, token, fresh)).status).toBe(201);
    await fresh.close();
  });

  it('gives a lost answer again when the token has expired, and nobody else anything', async () => {
    const key = await generateKey();
    const client = await server.client();
    const token = await logIn('frank@example.com', key);
    const csr = await createCsr(identityOf('frank@example.com'), key);
    const first = await client.register('frank@example.com', { idToken: token, csr });
    server.log.clock.advance(300_000);
    const again = await client.register('frank@example.com', { idToken: token, csr });
    expect(again.certificate).toBe(first.certificate);
    const other = await generateKey();
    const late = await logIn('grace@example.com', other);
    expect(await post('grace@example.com', other, late)).toEqual({ status: 401, code: 'token-refused' });
  });
});

describe('a private name', () => {
  it('is told to nobody whose evidence is refused, and nothing of it is read before', async () => {
    const secret = new TextEncoder().encode('0123456789abcdef0123456789abcdef');
    const hidden = await startServer({ ...NO_RATE_LIMITS, lookups: { privateKinds: ['email'], secret } });
    try {
      const [key, evesKey] = [await generateKey(), await generateKey()];
      const token = await logIn('alice@example.com', key);
      expect((await post('alice@example.com', key, token, hidden)).status).toBe(201);
      const evesToken = await logIn('eve@example.com', evesKey);
      const { store } = hidden.log.context;
      const spies = [vi.spyOn(store, 'readLabelAt'), vi.spyOn(store, 'findRecovery')];
      for (const name of ['alice@example.com', 'nobody@example.com']) {
        expect(await post(name, evesKey, 'nonsense', hidden)).toEqual({ status: 401, code: 'token-refused' });
        expect(await post(name, evesKey, evesToken, hidden)).toEqual({ status: 403, code: 'forbidden' });
        const evidence = { type: 'oidc', token: evesToken };
        const csr = await createCsr(identityOf(name), evesKey);
        const recovery = await fetch(hidden.url + PATHS.recoveries, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ identity: name, csr, evidence }),
        });
        expect(recovery.status).toBe(403);
      }
      for (const spy of spies) {
        expect(spy).not.toHaveBeenCalled();
        spy.mockRestore();
      }
      // The price: what was answered before is answered again only while the evidence holds.
      expect((await post('alice@example.com', key, token, hidden)).status).toBe(201);
      hidden.log.clock.nowMs += 300_000;
      expect(await post('alice@example.com', key, token, hidden)).toEqual({ status: 401, code: 'token-refused' });
    } finally {
      await hidden.close();
    }
  });
});
