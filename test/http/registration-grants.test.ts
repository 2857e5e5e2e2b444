import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { createCsr } from '../../src/client/csr.ts';
import type { RegistrationGrantAnswer } from '../../src/contract/bodies.ts';
import { formatBase64 } from '../../src/core/encoding/bytes.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { DEFAULT_EVIDENCE } from '../../src/service/evidence/evidence-settings.ts';
import { makeRegistrationGrant } from '../../src/service/log/registration-grants.ts';
import { createToken, revokeToken } from '../../src/service/log/tokens.ts';
import { identityOf } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const MINUTE_MS = 60_000;
let server: TestServer;
let token: string;
beforeAll(async () => {
  const policy = [
    { identities: 'email', domains: ['example.com'], evidence: ['application'] },
    { identities: 'acct', domains: undefined, evidence: ['email'] },
  ] as const;
  server = await createTestServer({ evidence: { ...DEFAULT_EVIDENCE, policy } });
  ({ token } = await createToken(server.log.context, 'backend'));
});
afterAll(() => server.close());

interface Answer {
  readonly status: number;
  readonly body: RegistrationGrantAnswer & { readonly code?: string };
}

async function ask(body: unknown, bearer = token): Promise<Answer> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${bearer}` };
  const response = await fetch(server.url + PATHS.registrationGrants, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

async function grantFor(identity: string, more: object = {}): Promise<string> {
  const { status, body } = await ask({ identity, ...more });
  expect(status).toBe(201);
  return body.grant;
}

/** Tries to register a key by a grant. Returns the code of the refusal, or the status. */
async function register(identity: string, key: ClientKey, grant: string, path: string = PATHS.certificates) {
  const csr = await createCsr(identityOf(identity), key);
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identity, csr, evidence: { type: 'grant', grant } }),
  });
  const { code } = (await response.json()) as { code?: string };
  return code ?? response.status;
}

describe('a registration grant', () => {
  it('lets a device register the name by itself, and the record says that the application vouched', async () => {
    const { status, body } = await ask({ identity: 'Alice@example.com' });
    expect(status).toBe(201);
    expect(body.expiresInSeconds).toBe(900);
    const key = await generateKey();
    const device = await server.client();
    const issued = await device.register('alice@example.com', { grant: body.grant, key });
    expect(issued.binding.certificates).toHaveLength(1);
    const found = await (await server.client()).lookup('alice@example.com');
    expect(found.found && found.binding.claimed).toEqual({ type: 'initial', evidence: { type: 'application' } });
  });

  it('works once: the name has a record then, and no grant changes one', async () => {
    const [first, other] = [await generateKey(), await generateKey()];
    const [grant, another] = [await grantFor('once@example.com'), await grantFor('once@example.com')];
    expect(await register('once@example.com', first, grant)).toBe(201);
    expect(await register('once@example.com', other, grant)).toBe('change-required');
    expect(await register('once@example.com', other, another)).toBe('change-required');
    expect(await register('once@example.com', first, 'no grant')).toBe('token-refused');
  });

  it('recovers nothing', async () => {
    const grant = await grantFor('keeps@example.com');
    expect(await register('keeps@example.com', await generateKey(), grant)).toBe(201);
    expect(await register('keeps@example.com', await generateKey(), grant, PATHS.recoveries)).toBe('forbidden');
    const fresh = await grantFor('keeps@example.com');
    expect(await register('keeps@example.com', await generateKey(), fresh, PATHS.recoveries)).toBe('forbidden');
  });

  it('is for one name, and for one key if it names one', async () => {
    const grant = await grantFor('mine@example.com');
    expect(await register('yours@example.com', await generateKey(), grant)).toBe('token-refused');
    const [named, other] = [await generateKey(), await generateKey()];
    const key = formatBase64(sha256(named.spki));
    const bound = await grantFor('bound@example.com', { key });
    expect(await register('bound@example.com', other, bound)).toBe('token-refused');
    expect(await register('bound@example.com', named, bound)).toBe(201);
  });

  it('ends with its time, with its application token, and with the policy', async () => {
    const key = await generateKey();
    const short = await grantFor('late@example.com', { lifetimeSeconds: 60 });
    server.log.clock.advance(MINUTE_MS);
    expect(await register('late@example.com', key, short)).toBe('token-refused');
    const { token: other, info } = await createToken(server.log.context, 'stolen');
    const { body } = await ask({ identity: 'stolen@example.com' }, other);
    await revokeToken(server.log.context, info.id);
    expect(await register('stolen@example.com', key, body.grant)).toBe('token-refused');
    expect((await ask({ identity: 'acct:bob@example.com' })).body.code).toBe('forbidden');
  });

  it('is refused with any bit changed, and on another log', async () => {
    const key = await generateKey();
    const grant = await grantFor('bits@example.com');
    const bytes = Buffer.from(grant.slice(4), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 29) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const text = `gkg_${changed.toString('base64url')}`;
      expect(['token-refused', 'invalid-request']).toContain(await register('bits@example.com', key, text));
    }
    const { label } = identityOf('bits@example.com');
    const elsewhere = { ...server.log.context, origin: 'elsewhere.example' };
    const { grant: foreign } = makeRegistrationGrant(elsewhere, { label, token });
    expect(await register('bits@example.com', key, foreign)).toBe('token-refused');
    const { grant: own } = makeRegistrationGrant(server.log.context, { label, token: `gkt_${'A'.repeat(43)}` });
    expect(await register('bits@example.com', key, own)).toBe('token-refused');
    expect(await register('bits@example.com', key, grant)).toBe(201);
  });

  it('is given to applications only, and says nothing about the log', async () => {
    const nobody = await fetch(server.url + PATHS.registrationGrants, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ identity: 'alice@example.com' }),
    });
    expect(((await nobody.json()) as { code: string }).code).toBe('unauthenticated');
    expect((await ask({ identity: 'alice@example.com' }, `gkt_${'A'.repeat(43)}`)).body.code).toBe('unauthenticated');
    expect((await ask({ identity: 'alice@example.com' })).status).toBe(201);
    for (const wrong of [
      { identity: 'alice@example.com', lifetimeSeconds: 0 },
      { identity: 'alice@example.com', lifetimeSeconds: 86_401 },
      { identity: 'alice@example.com', key: 'AA==' },
      { identity: 'alice@example.com', more: 1 },
      {},
    ]) {
      expect((await ask(wrong)).body.code).toBe('invalid-request');
    }
  });
});
