import { generateKeyPairSync, sign, type KeyPairKeyObjectResult } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { createCsr } from '../../src/client/csr.ts';
import { parsePem } from '../../src/ca/der/pem.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { createToken, revokeToken } from '../../src/service/log/tokens.ts';
import type { LogStore } from '../../src/store/ports.ts';
import { DEFAULT_EVIDENCE } from '../../src/service/evidence/evidence-settings.ts';
import { AcmeCaller, base64Url, callerKey, jws, macKey, sendJose } from '../support/acme-caller.ts';
import { identityOf } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const HOUR_MS = 3_600_000;
const { acmeNewAccount: NEW_ACCOUNT, acmeNewOrder: NEW_ORDER } = PATHS;

let server: TestServer;
let alice: AcmeCaller;
beforeAll(async () => {
  const policy = [
    { identities: 'email', domains: ['example.com'], evidence: ['application'] },
    { identities: 'acct', domains: undefined, evidence: ['application'] },
  ] as const;
  server = await createTestServer({ acme: true, evidence: { ...DEFAULT_EVIDENCE, policy } });
  alice = await new AcmeCaller(server).open();
});
afterAll(() => server.close());

async function csr(address: string, key?: ClientKey): Promise<string> {
  const pem = await createCsr(identityOf(address), key ?? (await generateKey()));
  return Buffer.from(parsePem('CERTIFICATE REQUEST', pem)).toString('base64url');
}

const p256 = (): KeyPairKeyObjectResult => generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** The same key for certificates. */
function clientKey({ privateKey, publicKey }: KeyPairKeyObjectResult): ClientKey {
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  return { keyType: 'p256', spki, sign: (message) => Promise.resolve(sign('sha256', message, privateKey)) };
}

/** Registers an address, and returns its certificate as ACME sends it. */
async function certify(caller: AcmeCaller, address: string, key?: ClientKey): Promise<string> {
  const { json } = await caller.order(address);
  const done = await caller.post(at(json, 'finalize'), { csr: await csr(address, key) });
  const { text } = await caller.post(at(done.json, 'certificate'));
  const end = '-----END CERTIFICATE-----\n';
  const leaf = text.slice(0, text.indexOf(end) + end.length);
  return Buffer.from(parsePem('CERTIFICATE', leaf)).toString('base64url');
}

/** The URL of a member of an answer. */
const at = (json: Record<string, unknown>, name: string): string => String(json[name]);

describe('the directory', () => {
  it('names its resources, and demands an external account binding', async () => {
    const directory = (await (await fetch(server.url + PATHS.acmeDirectory)).json()) as Record<string, unknown>;
    expect(directory).toMatchObject({
      newAccount: server.url + NEW_ACCOUNT,
      meta: { externalAccountRequired: true },
    });
    for (const [name, status] of [
      ['HEAD', 200],
      ['GET', 204],
    ] as const) {
      const response = await fetch(String(directory['newNonce']), { method: name });
      expect([response.status, response.headers.get('cache-control')]).toEqual([status, 'no-store']);
      expect(response.headers.get('replay-nonce')).toMatch(/^[A-Za-z0-9_-]{54}$/);
      expect(response.headers.get('link')).toBe(`<${server.url}${PATHS.acmeDirectory}>;rel="index"`);
    }
  });

  it('is not there where ACME is off, nor is anything else of it', async () => {
    const off = await createTestServer();
    try {
      for (const path of [PATHS.acmeDirectory, PATHS.acmeNewNonce])
        expect((await fetch(off.url + path)).status).toBe(404);
      for (const path of [PATHS.acmeKeys, NEW_ACCOUNT, '/acme/order/x'])
        expect((await fetch(off.url + path, { method: 'POST' })).status).toBe(404);
    } finally {
      await off.close();
    }
  });

  it('is asked by POST for everything else', async () => {
    const response = await fetch(alice.kid);
    expect([response.status, (await response.json()) as object]).toMatchObject([
      405,
      { type: 'urn:ietf:params:acme:error:malformed' },
    ]);
  });
});

describe('a request is refused', () => {
  it('without a nonce of this log, with one that was used, and with one that is too old', async () => {
    const nonce = await alice.nonce();
    expect((await alice.post(alice.kid, undefined, { nonce })).outcome).toBe(200);
    const replay = await alice.post(alice.kid, undefined, { nonce });
    expect([replay.outcome, replay.status]).toEqual(['badNonce', 400]);
    // A client goes on with the nonce of the refusal.
    const next = replay.headers.get('replay-nonce');
    expect((await alice.post(alice.kid, undefined, { nonce: next })).outcome).toBe(200);
    for (const wrong of [undefined, 'A'.repeat(54), '', `${nonce.slice(0, 53)}${nonce.endsWith('A') ? 'B' : 'A'}`])
      expect((await alice.post(alice.kid, undefined, { nonce: wrong })).outcome).toMatch(/badNonce|malformed/);
    const old = await alice.nonce();
    server.log.clock.advance(HOUR_MS);
    expect((await alice.post(alice.kid, undefined, { nonce: old })).outcome).toBe('badNonce');
  });

  it('that arrives many times at once, all but once', async () => {
    const header = { alg: 'ES256', nonce: await alice.nonce(), url: server.url + NEW_ORDER, kid: alice.kid };
    const body = jws(header, { identifiers: [{ type: 'email', value: 'twice@example.com' }] }, alice.key);
    const answers = await Promise.all(Array.from({ length: 8 }, () => sendJose(server.url + NEW_ORDER, body)));
    const outcomes = answers.map(({ outcome }) => String(outcome)).toSorted();
    expect(outcomes).toEqual(['201', ...Array.from({ length: 7 }, () => 'badNonce')]);
  });

  it('that was seen before, by a server whose clock is behind that of another', async () => {
    // A server of its own: an entry of the log may be an hour ahead afterwards.
    const other = await createTestServer({ acme: true });
    try {
      const caller = await new AcmeCaller(other).open();
      const header = { alg: 'ES256', nonce: await caller.nonce(), url: caller.kid, kid: caller.kid };
      const body = jws(header, undefined, caller.key);
      expect((await sendJose(caller.kid, body)).outcome).toBe(200);
      other.log.clock.advance(HOUR_MS + 1_000);
      // The other server deletes what has expired for it.
      expect((await caller.post(caller.kid)).outcome).toBe(200);
      await other.log.context.store.readHead();
      other.log.clock.advance(-HOUR_MS - 1_000);
      expect((await sendJose(caller.kid, body)).outcome).toBe('badNonce');
    } finally {
      await other.close();
    }
  });

  it('of a stranger with a fresh key stores nothing, not even its nonce, which a binding then uses up', async () => {
    const stranger = new AcmeCaller(server);
    const nonce = await stranger.nonce();
    for (let i = 0; i < 3; i++)
      expect((await stranger.post(NEW_ACCOUNT, {}, { nonce })).outcome).toBe('externalAccountRequired');
    const payload = { externalAccountBinding: stranger.binding(await stranger.bindingKey()) };
    expect((await stranger.post(NEW_ACCOUNT, payload, { nonce })).outcome).toBe(201);
    expect((await stranger.post(NEW_ACCOUNT, payload, { nonce })).outcome).toBe('badNonce');
  });

  it('whose nonce is spent by a forger not at all: the nonce is used after the signature is verified', async () => {
    const nonce = await alice.nonce();
    const header = { alg: 'ES256', nonce, url: alice.kid, kid: alice.kid };
    expect((await sendJose(alice.kid, jws(header, undefined, callerKey()))).outcome).toBe('unauthorized');
    expect((await alice.post(alice.kid, undefined, { nonce })).outcome).toBe(200);
  });

  it('that was signed for another URL', async () => {
    const url = `${server.url}${NEW_ORDER}`;
    expect((await alice.post(alice.kid, undefined, { url })).outcome).toBe('unauthorized');
    const elsewhere = alice.kid.replace('127.0.0.1', 'localhost');
    expect((await alice.post(alice.kid, undefined, { url: elsewhere })).outcome).toBe('unauthorized');
  });

  it('with both jwk and kid, with neither, and with the wrong one of them', async () => {
    const both = { jwk: alice.key.jwk, kid: alice.kid };
    expect((await alice.post(alice.kid, undefined, both)).outcome).toBe('malformed');
    expect((await alice.post(alice.kid, undefined, { kid: undefined })).outcome).toBe('malformed');
    const byKey = { kid: undefined, jwk: alice.key.jwk };
    expect((await alice.post(NEW_ORDER, { identifiers: [] }, byKey)).outcome).toBe('malformed');
    expect((await alice.post(NEW_ACCOUNT, { onlyReturnExisting: true })).outcome).toBe('malformed');
  });

  it('under an algorithm that is not that of the key, or none at all', async () => {
    for (const alg of ['none', 'HS256', 'ES384', 'RS256', 'EdDSA', 'ES512']) {
      const { outcome, status, json } = await alice.post(alice.kid, undefined, { alg });
      expect([alg, outcome, status]).toEqual([alg, 'badSignatureAlgorithm', 400]);
      expect(json['algorithms']).toContain('ES256');
    }
  });

  it('signed with a MAC by the public key as a secret', async () => {
    const header = { alg: 'HS256', nonce: await alice.nonce(), url: alice.kid, kid: alice.kid };
    const secret = macKey(base64Url(JSON.stringify(alice.key.jwk)));
    expect((await sendJose(alice.kid, jws(header, undefined, secret))).outcome).toBe('badSignatureAlgorithm');
  });

  it('with any bit of it changed', async () => {
    const header = { alg: 'ES256', nonce: await alice.nonce(), url: alice.kid, kid: alice.kid };
    const whole = jws(header, { status: 'valid' }, alice.key);
    for (const part of ['protected', 'payload', 'signature']) {
      const bytes = Buffer.from(whole[part] ?? '', 'base64url');
      for (let bit = 3; bit < bytes.length * 8; bit += 97) {
        const changed = Buffer.from(bytes);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const { status } = await sendJose(alice.kid, { ...whole, [part]: changed.toString('base64url') });
        expect([part, bit, status >= 400 && status < 500]).toEqual([part, bit, true]);
      }
    }
  });

  it('that is no flattened JWS, whatever it is', async () => {
    const header = { alg: 'ES256', nonce: await alice.nonce(), url: alice.kid, kid: alice.kid };
    const whole = jws(header, undefined, alice.key);
    const critical = jws({ ...header, crit: ['b64'], b64: false }, undefined, alice.key);
    const wrong = ['', '[]', 'null', '{}', '{', { ...whole, header: {} }, { ...whole, signatures: [] }, critical];
    for (const body of [...wrong, { ...whole, protected: `${whole['protected']}=` }, { ...whole, protected: '*' }])
      expect((await sendJose(alice.kid, body)).outcome).toBe('malformed');
    expect((await sendJose(alice.kid, whole, 'application/json')).status).toBe(415);
    const huge = await sendJose(alice.kid, { ...whole, payload: 'A'.repeat(64 * 1024) });
    expect([huge.status, huge.outcome]).toEqual([413, 'malformed']);
    expect((await sendJose(alice.kid, '['.repeat(40_000))).outcome).toBe('malformed');
  });
});

describe('an account', () => {
  it('needs a binding that the application’s key made for this account key, once', async () => {
    const caller = new AcmeCaller(server);
    expect((await caller.post(NEW_ACCOUNT, { onlyReturnExisting: true })).outcome).toBe('accountDoesNotExist');
    expect((await caller.post(NEW_ACCOUNT, {})).outcome).toBe('externalAccountRequired');
    const key = await caller.bindingKey();
    const of = (binding: object) => caller.post(NEW_ACCOUNT, { externalAccountBinding: binding });
    const forged = caller.binding({ ...key, hmacKey: base64Url('A'.repeat(32)) });
    expect((await of(forged)).outcome).toBe('unauthorized');
    expect((await of(caller.binding(key, { url: server.url }))).outcome).toBe('unauthorized');
    expect((await of(caller.binding(key, { alg: 'none' }))).outcome).toBe('badSignatureAlgorithm');
    expect((await of(caller.binding(key, { nonce: await caller.nonce() }))).outcome).toBe('malformed');
    expect((await of(new AcmeCaller(server).binding(key))).outcome).toBe('malformed');
    const first = await of(caller.binding(key));
    expect([first.outcome, first.json['status']]).toEqual([201, 'valid']);
    const again = await of(caller.binding(key));
    expect([again.outcome, again.headers.get('location')]).toEqual([200, first.headers.get('location')]);
    const thief = new AcmeCaller(server);
    expect((await thief.post(NEW_ACCOUNT, { externalAccountBinding: thief.binding(key) })).outcome).toBe(
      'unauthorized',
    );
  });

  it('is not bound by a key id with any bit changed, though its MAC key is known', async () => {
    const caller = new AcmeCaller(server);
    const key = await caller.bindingKey({ identity: 'only@example.com' });
    const bytes = Buffer.from(key.keyId.slice(4), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 41) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const binding = caller.binding({ ...key, keyId: `gka_${changed.toString('base64url')}` });
      expect((await caller.post(NEW_ACCOUNT, { externalAccountBinding: binding })).outcome).toBe('unauthorized');
    }
  });

  it('is not bound by a key that is too old, nor by one of a revoked token', async () => {
    const caller = new AcmeCaller(server);
    const short = await caller.bindingKey({ lifetimeSeconds: 60 });
    server.log.clock.advance(60_000);
    expect((await caller.post(NEW_ACCOUNT, { externalAccountBinding: caller.binding(short) })).outcome).toBe(
      'unauthorized',
    );
    const { token, info } = await createToken(server.log.context, 'gone');
    const key = await caller.bindingKey({}, token);
    await revokeToken(server.log.context, info.id);
    expect((await caller.post(NEW_ACCOUNT, { externalAccountBinding: caller.binding(key) })).outcome).toBe(
      'unauthorized',
    );
  });

  it('ends with the token of its application', async () => {
    const { token, info } = await createToken(server.log.context, 'stolen');
    const caller = await new AcmeCaller(server).open({}, token);
    const { json } = await caller.order('stolen@example.com');
    await revokeToken(server.log.context, info.id);
    expect((await caller.order('other@example.com')).outcome).toBe('unauthorized');
    const finalized = await caller.post(at(json, 'finalize'), { csr: await csr('stolen@example.com') });
    expect(finalized.outcome).toBe('unauthorized');
  });

  it('has a key that is neither private, nor weak, nor of another spelling', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    const { jwk } = callerKey();
    const padded = { ...jwk, x: `${(jwk as { x: string }).x}=` };
    const cases: readonly [object, string][] = [
      [{ ...jwk, d: 'A' }, 'malformed'],
      [weak, 'badPublicKey'],
      [padded, 'badPublicKey'],
      [{ kty: 'oct', k: 'AAAA' }, 'badPublicKey'],
      [{ ...jwk, y: base64Url('A'.repeat(32)) }, 'badPublicKey'],
      [[], 'malformed'],
    ];
    const caller = new AcmeCaller(server);
    for (const [key, outcome] of cases)
      expect((await caller.post(NEW_ACCOUNT, {}, { jwk: key })).outcome).toBe(outcome);
  });

  it('is not changed, read or used by another one', async () => {
    const mallory = await new AcmeCaller(server).open();
    expect((await mallory.post(alice.kid)).outcome).toBe('unauthorized');
    expect((await mallory.post(`${alice.kid}/orders`)).outcome).toBe('unauthorized');
    expect((await mallory.post(alice.kid, { status: 'deactivated' })).outcome).toBe('unauthorized');
    expect((await mallory.post(mallory.kid, undefined, { kid: alice.kid })).outcome).toBe('unauthorized');
    const { json, headers } = await alice.order('hers@example.com');
    const urls = [headers.get('location') ?? '', (json['authorizations'] as string[])[0]!];
    for (const url of urls) expect((await mallory.post(url)).status).toBe(404);
    expect((await mallory.post(at(json, 'finalize'), { csr: await csr('hers@example.com') })).status).toBe(404);
    expect((await mallory.post(urls[1]!, { status: 'deactivated' })).status).toBe(404);
  });

  it('changes its key only if both keys sign, for this account, and the new one has none', async () => {
    const caller = await new AcmeCaller(server).open();
    const [next, url] = [callerKey(), server.url + PATHS.acmeKeyChange];
    const inner = (key = next, asked: object = {}, changes: object = {}) =>
      jws(
        { alg: 'ES256', jwk: key.jwk, url, ...changes },
        { account: caller.kid, oldKey: caller.key.jwk, ...asked },
        key,
      );
    const change = async (payload: object) => (await caller.post(PATHS.acmeKeyChange, payload)).outcome;
    expect(await change(inner(next, { account: alice.kid }))).toBe('malformed');
    expect(await change(inner(next, { oldKey: alice.key.jwk }))).toBe('malformed');
    expect(await change(inner(next, {}, { url: caller.kid }))).toBe('malformed');
    expect(await change(inner(next, {}, { nonce: await caller.nonce() }))).toBe('malformed');
    expect(await change({ ...inner(), signature: inner(callerKey())['signature'] })).toBe('unauthorized');
    const taken = await caller.post(PATHS.acmeKeyChange, inner(alice.key));
    expect(taken.status).toBe(409);
    expect(await change(inner())).toBe(200);
    expect((await caller.post(caller.kid)).outcome).toBe('unauthorized');
  });
});

describe('an order', () => {
  it('is for one name that its account and the policy allow', async () => {
    const order = async (identifiers: object[]) => alice.post(NEW_ORDER, { identifiers });
    expect((await order([])).outcome).toBe('malformed');
    expect((await order([{ type: 'dns', value: 'example.com' }])).outcome).toBe('unsupportedIdentifier');
    expect((await order([{ type: 'email', value: 'acct:alice@example.com' }])).outcome).toBe('rejectedIdentifier');
    expect((await order([{ type: 'email', value: 'not an address' }])).outcome).toBe('rejectedIdentifier');
    expect((await order([{ type: 'email', value: 'alice@elsewhere.example' }])).outcome).toBe('unauthorized');
    const [one, two] = ['a@example.com', 'b@example.com'].map((value) => ({ type: 'email', value }));
    const both = await order([one!, two!, { type: 'dns', value: 'c' }]);
    expect([both.outcome, both.json['subproblems']]).toMatchObject([
      'rejectedIdentifier',
      [{ identifier: two }, { type: 'urn:ietf:params:acme:error:unsupportedIdentifier' }],
    ]);
    expect((await alice.post(NEW_ORDER, { identifiers: [one], notAfter: '2030-01-01T00:00:00Z' })).outcome).toBe(
      'malformed',
    );
    expect((await alice.order('acct:bob@example.com', 'glasskey-uri')).json).toMatchObject({
      status: 'ready',
      identifiers: [{ type: 'glasskey-uri', value: 'acct:bob@example.com' }],
    });
  });

  it('of an account for one name is for that name', async () => {
    const caller = await new AcmeCaller(server).open({ identity: 'mine@example.com' });
    expect((await caller.order('yours@example.com')).outcome).toBe('unauthorized');
    expect((await caller.order('Mine@example.com')).outcome).toBe(201);
  });

  it('is finalized for its own name, by another key than the account’s', async () => {
    const pair = p256();
    const caller = await new AcmeCaller(server, callerKey(pair)).open();
    const { json, headers } = await caller.order('exact@example.com');
    const finalize = async (value: unknown) => (await caller.post(at(json, 'finalize'), { csr: value })).outcome;
    expect(await finalize(await csr('another@example.com'))).toBe('badCSR');
    expect(await finalize('AAAA')).toBe('badCSR');
    expect(await finalize('*')).toBe('malformed');
    expect(await finalize(await csr('exact@example.com', clientKey(pair)))).toBe('badCSR');
    expect((await caller.post(headers.get('location')!)).json['status']).toBe('ready');
    const right = await csr('exact@example.com');
    expect(await finalize(right)).toBe(200);
    // A lost answer is none; another request for the same order is refused.
    expect(await finalize(right)).toBe(200);
    expect(await finalize(await csr('exact@example.com'))).toBe('orderNotReady');
  });

  it('ends: later it is not there, nor is its certificate', async () => {
    const { json, headers } = await alice.order('late@example.com');
    const done = await alice.post(at(json, 'finalize'), { csr: await csr('late@example.com') });
    const certificate = await alice.post(at(done.json, 'certificate'));
    expect([certificate.status, certificate.headers.get('content-type')]).toEqual([
      200,
      'application/pem-certificate-chain',
    ]);
    server.log.clock.advance(24 * HOUR_MS);
    for (const url of [headers.get('location')!, at(done.json, 'certificate')])
      expect((await alice.post(url)).status).toBe(404);
  });

  it('has no certificate before the log has released it', async () => {
    const { json } = await alice.order('waits@example.com');
    const certificate = at(json, 'finalize').replace('/finalize', '').replace('/order/', '/cert/');
    expect((await alice.post(certificate)).outcome).toBe('orderNotReady');
  });
});

describe('a revocation', () => {
  it('is signed by an account that may have the name, or by the key of the certificate', async () => {
    const pair = p256();
    const certificate = await certify(alice, 'ends@example.com', clientKey(pair));
    const revoke = async (caller: AcmeCaller, more: object = {}) =>
      (await caller.post(PATHS.acmeRevokeCertificate, { certificate, ...more })).outcome;
    const bound = await new AcmeCaller(server).open({ identity: 'other@example.com' });
    expect(await revoke(new AcmeCaller(server))).toBe('unauthorized');
    expect(await revoke(bound)).toBe('unauthorized');
    expect(await revoke(alice, { reason: 6 })).toBe('badRevocationReason');
    expect(await revoke(alice, { certificate: 'MAA' })).toBe('malformed');
    expect(await revoke(new AcmeCaller(server, callerKey(pair)), { reason: 1 })).toBe(200);
    expect(await revoke(alice)).toBe('alreadyRevoked');
    const second = await certify(alice, 'ends-too@example.com');
    expect(await revoke(alice, { certificate: second })).toBe(200);
    const found = await (await server.client()).lookup('ends@example.com');
    expect(found.found && found.binding.claimed).toMatchObject({ type: 'maintenance', kind: 'revocation', reason: 1 });
  });

  it('is not signed by the key of a certificate that somebody has written into the database', async () => {
    const [hers, thief] = [p256(), p256()];
    const spkiOf = ({ publicKey }: KeyPairKeyObjectResult) => publicKey.export({ type: 'spki', format: 'der' });
    let planted: Buffer | undefined;
    const wrap = (store: LogStore): LogStore => {
      const findCertificate = async (serial: string) => {
        const row = await store.findCertificate(serial);
        return row && { ...row, ...(planted && { content: new Uint8Array(planted) }) };
      };
      return Object.assign(Object.create(store) as LogStore, { findCertificate });
    };
    const other = await createTestServer({ acme: true, wrap });
    try {
      const caller = await new AcmeCaller(other).open();
      const real = Buffer.from(await certify(caller, 'victim@example.com', clientKey(hers)), 'base64url');
      planted = Buffer.from(real);
      spkiOf(thief).copy(planted, real.indexOf(spkiOf(hers)));
      const mallory = new AcmeCaller(other, callerKey(thief));
      const answer = await mallory.post(PATHS.acmeRevokeCertificate, { certificate: planted.toString('base64url') });
      expect(answer.outcome).toBe('unauthorized');
      const found = await (await other.client()).lookup('victim@example.com');
      expect(found.found && found.binding.certificates).toHaveLength(1);
    } finally {
      await other.close();
    }
  });
});
