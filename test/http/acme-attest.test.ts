import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parsePem } from '../../src/ca/der/pem.ts';
import type { ClientKey } from '../../src/client/client-key.ts';
import { createCsr } from '../../src/client/csr.ts';
import { canonicalIdentity } from '../../src/identity/canonical-identity.ts';
import type { AcmeAttestSettings } from '../../src/service/acme/acme-settings.ts';
import { DEFAULT_EVIDENCE } from '../../src/service/evidence/evidence-settings.ts';
import { encodeUtf8 } from '../../src/core/encoding/bytes.ts';
import { type AcmeAnswer, AcmeCaller } from '../support/acme-caller.ts';
import {
  attestationObject,
  FRESHNESS_OID,
  freshnessOf,
  SERIAL_OID,
  TestManufacturer,
} from '../support/attestations.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';
import { caWith, makeCa, newKey, plain } from '../ca/path/made-certificates.ts';

const RULES = { localPart: 'fold-lower-case', uriSchemes: ['urn'] } as const;
const PREFIX = 'urn:dev:os:63-';
const DEVICE = 'permanent-identifier';

const apple = new TestManufacturer();
let settings: AcmeAttestSettings | undefined = apple.settings();
let server: TestServer;
let caller: AcmeCaller;
beforeAll(async () => {
  const policy = [
    { identities: 'uri', domains: undefined, evidence: ['application'] },
    { identities: 'email', domains: ['known.example'], evidence: ['application'] },
  ] as const;
  server = await createTestServer({
    acme: true,
    attest: () => settings,
    identityRules: RULES,
    evidence: { ...DEFAULT_EVIDENCE, policy },
  });
  caller = await new AcmeCaller(server).open();
});
afterAll(() => server.close());

/** A pending order of a device. */
interface Pending {
  readonly serialNumber: string;
  readonly url: string;
  readonly finalize: string;
  readonly authorization: string;
  readonly challenge: string;
  readonly token: string;
}

let devices = 0;
async function ordered(serialNumber = `C02DEVICE${devices++}`, by = caller): Promise<Pending> {
  const { json, headers } = await by.order(serialNumber, DEVICE);
  const authorization = (json['authorizations'] as string[])[0]!;
  const { url, token } = await challengeOf(authorization, by);
  return {
    serialNumber,
    url: headers.get('location')!,
    finalize: String(json['finalize']),
    authorization,
    challenge: String(url),
    token: String(token),
  };
}

async function challengeOf(authorization: string, by = caller): Promise<Record<string, unknown>> {
  const { json } = await by.post(authorization);
  return (json['challenges'] as Record<string, unknown>[])[0]!;
}

/** Answers a challenge, and returns the status of the challenge or the refusal. */
async function answer({ challenge }: Pick<Pending, 'challenge'>, object: Uint8Array, by = caller): Promise<unknown> {
  const { json, outcome } = await by.post(challenge, { attObj: Buffer.from(object).toString('base64url') });
  return json['code'] === undefined ? json['status'] : outcome;
}

/** The key of a device, for certificates. */
function deviceKey(key: KeyObject): ClientKey {
  const spki = new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }));
  return { keyType: 'p256', spki, sign: (message) => Promise.resolve(sign('sha256', message, key)) };
}

async function finalize({ finalize: url, serialNumber }: Pending, key: KeyObject, by = caller): Promise<AcmeAnswer> {
  const pem = await createCsr(canonicalIdentity(PREFIX + serialNumber, RULES), deviceKey(key));
  return by.post(url, { csr: Buffer.from(parsePem('CERTIFICATE REQUEST', pem)).toString('base64url') });
}

const stateOf = async ({ url }: Pending, by = caller): Promise<unknown> => (await by.post(url)).json['status'];

describe('a device that attests', () => {
  it('has a certificate for the key that it attested to, in the log', async () => {
    const pending = await ordered('C02WHOLE');
    expect((await caller.post(pending.url)).json).toMatchObject({
      status: 'pending',
      identifiers: [{ type: DEVICE, value: 'C02WHOLE' }],
    });
    expect(await challengeOf(pending.authorization)).toMatchObject({ type: 'device-attest-01', status: 'pending' });
    expect(pending.token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const key = newKey();
    expect((await finalize(pending, key)).outcome).toBe('orderNotReady');
    expect(await answer(pending, apple.attest({ ...pending, key }))).toBe('valid');
    expect(await challengeOf(pending.authorization)).toMatchObject({
      status: 'valid',
      validated: expect.any(String) as string,
    });
    expect((await caller.post(pending.authorization)).json).toMatchObject({
      status: 'valid',
      identifier: { type: DEVICE, value: 'C02WHOLE' },
    });
    expect((await finalize(pending, key)).json['status']).toBe('valid');
    const found = await (await server.client()).lookup(`${PREFIX}C02WHOLE`);
    expect(found.found && found.binding.claimed).toEqual({ type: 'initial', evidence: { type: 'application' } });
    const spkis = found.found && found.binding.certificates.map(({ spki }) => Buffer.from(spki).toString('hex'));
    expect(spkis).toEqual([Buffer.from(deviceKey(key).spki).toString('hex')]);
  });

  it('is read by its token without an answer, and may send its root and authenticator data too', async () => {
    const pending = await ordered();
    expect((await caller.post(pending.challenge)).json).toMatchObject({ status: 'pending', token: pending.token });
    const chain = [apple.leaf(pending).der, apple.issuer.der, apple.root.der];
    const object = attestationObject(chain, { authData: new Uint8Array(37) });
    expect(await answer(pending, object)).toBe('valid');
  });

  it('renews its key, and gets no other one: neither does whoever attests in its name', async () => {
    const key = newKey();
    for (let i = 0; i < 2; i++) {
      const pending = await ordered('C02RENEWS');
      server.log.clock.advance(1_000);
      expect(await answer(pending, apple.attest({ ...pending, key }))).toBe('valid');
      expect((await finalize(pending, key)).json['status']).toBe('valid');
    }
    const pending = await ordered('C02RENEWS');
    const other = newKey();
    expect(await answer(pending, apple.attest({ ...pending, key: other }))).toBe('valid');
    const { outcome, json } = await finalize(pending, other);
    expect([outcome, json['code']]).toEqual(['rejectedIdentifier', 'change-required']);
    // The authorization was good all the same.
    expect((await caller.post(pending.authorization)).json['status']).toBe('valid');
  });

  it('needs an account whose application vouches for its name too', async () => {
    const none = await new AcmeCaller(server).open({ vouches: false });
    expect((await none.order('C02ABC', DEVICE)).outcome).toBe('unauthorized');
    const one = await new AcmeCaller(server).open({ identity: `${PREFIX}C02ONLY` });
    expect((await one.order('C02OTHER', DEVICE)).outcome).toBe('unauthorized');
    const pending = await ordered('C02ONLY', one);
    expect(await answer(pending, apple.attest(pending), one)).toBe('valid');
  });

  it('has a name that takes an attestation, under whatever type it is ordered', async () => {
    expect((await caller.order(`${PREFIX}C02ABC`, 'glasskey-uri')).outcome).toBe('rejectedIdentifier');
    expect((await caller.order(`URN:DEV:os:63-C02ABC`, 'glasskey-uri')).outcome).toBe('rejectedIdentifier');
    expect((await caller.order('urn:dev:ow:10e2073a01080063', 'glasskey-uri')).json['status']).toBe('ready');
  });

  it('has a serial number of letters and digits', async () => {
    for (const value of ['C02/', '/1.2.3', 'C02/1.2/3', 'C02/x'])
      expect([value, (await caller.order(value, DEVICE)).outcome]).toEqual([value, 'malformed']);
    for (const value of ['C02/1.2.3', 'C02 A', 'C02-A', 'C02%41', 'Ç02', 'C'.repeat(33), '..', 'a@b', 'C02\u0000'])
      expect([value, (await caller.order(value, DEVICE)).outcome]).toEqual([value, 'rejectedIdentifier']);
  });

  it('is unknown to a server without this setting, and so are answers to older challenges', async () => {
    const pending = await ordered();
    settings = undefined;
    try {
      expect((await caller.order('C02ABC', DEVICE)).outcome).toBe('unsupportedIdentifier');
      expect(await answer(pending, apple.attest(pending))).toBe('unauthorized');
      settings = apple.settings('urn:dev:os:64-');
      expect(await answer(pending, apple.attest(pending))).toBe('badAttestationStatement');
    } finally {
      settings = apple.settings();
    }
    expect((await finalize(pending, newKey())).outcome).toBe('orderNotReady');
  });
});

describe('an attestation is refused, and ends its order,', () => {
  let pending: Pending;
  beforeEach(async () => {
    pending = await ordered();
  });

  /** Expects that an answer is refused for good. */
  async function expectRefused(object: Uint8Array, name = ''): Promise<void> {
    const one = await ordered();
    expect([name, await answer(one, object)]).toEqual([name, 'badAttestationStatement']);
    expect([name, await stateOf(one)]).toEqual([name, 'invalid']);
  }

  it('of the token of another order, and of another account', async () => {
    const mallory = await new AcmeCaller(server).open();
    const hers = await ordered(pending.serialNumber, mallory);
    const again = await ordered(pending.serialNumber);
    const key = newKey();
    const object = apple.attest({ ...pending, key });
    expect(await answer(hers, object, mallory)).toBe('badAttestationStatement');
    expect(await answer(again, object)).toBe('badAttestationStatement');
    // Nor does another account answer the challenge, even with the right attestation.
    const { outcome } = await mallory.post(pending.challenge, { attObj: Buffer.from(object).toString('base64url') });
    expect(outcome).toBe('malformed');
    expect(await stateOf(pending)).toBe('pending');
    expect(await answer(pending, object)).toBe('valid');
  });

  it('a second time, and after the order has ended', async () => {
    const object = apple.attest(pending);
    expect(await answer(pending, object)).toBe('valid');
    expect(await answer(pending, object)).toBe('malformed');
    expect(await stateOf(pending)).toBe('ready');
    const late = await ordered();
    server.log.clock.advance(86_400_000);
    expect((await caller.post(late.challenge, { attObj: 'oA' })).status).toBe(404);
  });

  it('several times at once, but for one', async () => {
    const keys = [newKey(), newKey(), newKey()];
    const outcomes = await Promise.all(keys.map((key) => answer(pending, apple.attest({ ...pending, key }))));
    expect(outcomes.filter((one) => one === 'valid')).toHaveLength(1);
    const isReady = keys[outcomes.indexOf('valid')]!;
    for (const key of keys) if (key !== isReady) expect((await finalize(pending, key)).outcome).toBe('badCSR');
    expect((await finalize(pending, isReady)).json['status']).toBe('valid');
  });

  it('with another key in the request: that is no certificate', async () => {
    const key = newKey();
    expect(await answer(pending, apple.attest({ ...pending, key }))).toBe('valid');
    expect((await finalize(pending, newKey())).outcome).toBe('badCSR');
    expect(await stateOf(pending)).toBe('ready');
    expect((await finalize(pending, key)).json['status']).toBe('valid');
  });

  it('of another device, or of none', async () => {
    const of = async (extensions: Parameters<TestManufacturer['leaf']>[0]['extensions'], serialNumber?: string) => {
      const one = await ordered();
      const object = apple.attest({ token: one.token, serialNumber: serialNumber ?? one.serialNumber, extensions });
      expect(await answer(one, object)).toBe('badAttestationStatement');
    };
    await of({}, 'C02OTHER');
    await of({ [SERIAL_OID]: undefined });
    await of({ [SERIAL_OID]: plain(new Uint8Array()) });
    await of({ [SERIAL_OID]: plain(encodeUtf8('C02')) });
    await of({ [FRESHNESS_OID]: undefined });
    await of({ [FRESHNESS_OID]: plain(new Uint8Array()) });
  });

  it('with a freshness that is the token, its key authorization, or half of the hash', async () => {
    const { crv, kty, x, y } = caller.key.jwk as Record<string, string>;
    const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
    const values = (token: string): readonly Uint8Array[] => [
      encodeUtf8(token),
      freshnessOf(`${token}.${thumbprint}`),
      freshnessOf(token).slice(0, 16),
      Uint8Array.of(4, 32, ...freshnessOf(token)),
    ];
    for (let i = 0; i < 4; i++) {
      const one = await ordered();
      const extensions = { [FRESHNESS_OID]: plain(values(one.token)[i]!) };
      expect(await answer(one, apple.attest({ ...one, extensions }))).toBe('badAttestationStatement');
    }
  });

  it('with an extension twice', async () => {
    // The same object identifier in bytes, under another spelling here.
    const twice = { '1.2.840.113635.100.8.9.01': plain(encodeUtf8('C02OTHER')) };
    const { der } = apple.leaf({ ...pending, extensions: twice });
    const oid = Buffer.from('2a864886f7636408090 1'.replace(' ', ''), 'hex');
    const first = Buffer.from(der).indexOf(oid);
    expect(Buffer.from(der).indexOf(oid, first + 1)).toBeGreaterThan(first);
    expect(await answer(pending, attestationObject([der, apple.issuer.der]))).toBe('badAttestationStatement');
  });

  it('with a chain that has expired, has not begun, is broken, or ends at another root', async () => {
    const now = server.log.clock.now();
    const other = new TestManufacturer();
    const chains: Record<string, (one: Pending) => readonly Uint8Array[]> = {
      expired: (one) => [apple.leaf({ ...one, toMs: now - 60_000 }).der, apple.issuer.der],
      early: (one) => [apple.leaf({ ...one, fromMs: now + 60_000 }).der, apple.issuer.der],
      otherRoot: (one) => [other.leaf(one).der, other.issuer.der, other.root.der],
      otherIssuer: (one) => [other.leaf(one).der, apple.issuer.der],
      alone: (one) => [apple.leaf(one).der],
      isCa: (one) => [apple.leaf({ ...one, extensions: { '2.5.29.19': caWith() } }).der, apple.issuer.der],
      critical: (one) => {
        const extensions = { '1.2.3.4': { critical: true, value: Uint8Array.of(5, 0) } };
        return [apple.leaf({ ...one, extensions }).der, apple.issuer.der];
      },
      reversed: (one) => [apple.issuer.der, apple.leaf(one).der],
      root: () => [apple.root.der],
      selfMade: (one) => {
        const fake = makeCa({ subject: 'Attestation CA', fromMs: now - 60_000, toMs: now + 60_000 });
        return [apple.leaf(one).der, fake.der];
      },
    };
    for (const [name, chain] of Object.entries(chains)) {
      const one = await ordered();
      expect([name, await answer(one, attestationObject(chain(one)))]).toEqual([name, 'badAttestationStatement']);
      expect([name, await stateOf(one)]).toEqual([name, 'invalid']);
    }
  });

  it('with any bit of it changed', async () => {
    const one = await ordered();
    const whole = apple.attest(one);
    const { roots } = apple.settings();
    const { verifyAppleAttestation } = await import('../../src/service/acme/apple-attestation.ts');
    const { readAttestationObject } = await import('../../src/service/acme/attestation-object.ts');
    const facts = { roots, nowMs: server.log.clock.now(), token: one.token, serialNumber: one.serialNumber };
    const verify = async (object: Uint8Array) =>
      verifyAppleAttestation(readAttestationObject(object).certificates, facts);
    const key = await verify(whole);
    for (let bit = 0; bit < whole.length * 8; bit += 67) {
      const changed = Uint8Array.from(whole);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const outcome = await verify(changed).catch((error: unknown) => error);
      // The intermediate may hold a bit that no signature covers: then the attestation still says the same.
      if (outcome instanceof Uint8Array) expect(outcome).toEqual(key);
      else expect(outcome).toMatchObject({ name: 'GlasskeyError' });
    }
  });

  it('in CBOR that is no attestation object, or one that can be read in several ways', async () => {
    const good = Buffer.from(apple.attest(pending));
    const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
    const start = 'a2 63 666d74 65 6170706c65 67 61747453746d74 a1 63 783563';
    const cases: Record<string, Uint8Array> = {
      trailing: Buffer.concat([good, Buffer.of(0)]),
      cut: good.subarray(0, -1),
      other: attestationObject([apple.leaf(pending).der], { format: 'packed' }),
      none: attestationObject([apple.leaf(pending).der], { format: 'none' }),
      five: attestationObject(Array.from({ length: 5 }, () => apple.issuer.der)),
      large: attestationObject([new Uint8Array(8 * 1024 + 1)]),
      noCertificate: hex(`${start} 80`),
      emptyCertificate: hex(`${start} 81 40`),
      indefiniteMap: hex('bf 63 666d74 65 6170706c65 ff'),
      indefiniteArray: hex(`${start} 9f 41 00 ff`),
      indefiniteBytes: hex(`${start} 81 5f 41 00 ff`),
      hugeArray: hex(`${start} 9b ffffffffffffffff`),
      hugeBytes: hex(`${start} 81 5b 7fffffffffffffff`),
      fourByteLength: hex(`${start} 81 5a 00000001 00`),
      longForm: hex(`${start} 81 58 01 00`),
      longForm2: hex(`${start} 81 59 0010 ${'00'.repeat(16)}`),
      reserved: hex(`${start} 81 5c`),
      deep: new Uint8Array(20_000).fill(0x81),
      deepMaps: new Uint8Array(20_000).fill(0xa1),
      tagged: hex(`d9d9f7 ${start} 81 41 00`),
      twiceFmt: hex('a2 63 666d74 65 6170706c65 63 666d74 65 6170706c65'),
      otherOrder: hex('a2 67 61747453746d74 a1 63 783563 81 41 00 63 666d74 65 6170706c65'),
      moreMembers: hex('a4 63 666d74 65 6170706c65 67 61747453746d74 a1 63 783563 81 41 00'),
      textCertificate: hex(`${start} 81 61 41`),
      notUtf8: hex('a2 63 ffffff 65 6170706c65'),
      nothing: hex('f6'),
      noDer: hex(`${start} 81 41 00`),
    };
    for (const [name, object] of Object.entries(cases)) await expectRefused(object, name);
  });

  it('and one that is no answer at all changes nothing', async () => {
    for (const payload of [{}, { attObj: 5 }, { attObj: '' }, { attObj: 'a+b' }, { attObj: 'A' }, [], 'x'])
      expect([payload, (await caller.post(pending.challenge, payload)).outcome]).toEqual([payload, 'malformed']);
    const large = { attObj: Buffer.alloc(24 * 1024 + 1).toString('base64url') };
    expect((await caller.post(pending.challenge, large)).outcome).toBe('malformed');
    expect(await stateOf(pending)).toBe('pending');
  });

  it('and says why, in the order, its authorization and its challenge', async () => {
    const { json } = await caller.post(pending.challenge, { attObj: 'oA' });
    expect(json).toMatchObject({
      type: 'urn:ietf:params:acme:error:badAttestationStatement',
      code: 'attestation-refused',
      status: 403,
    });
    const error = { type: 'urn:ietf:params:acme:error:badAttestationStatement' };
    expect((await caller.post(pending.url)).json).toMatchObject({ status: 'invalid', error });
    expect((await caller.post(pending.authorization)).json).toMatchObject({ status: 'invalid' });
    expect(await challengeOf(pending.authorization)).toMatchObject({ status: 'invalid', error });
  });
});

it('nothing here was a failure of the server', () => {
  expect(server.errors.filter((error) => !(error instanceof Error && 'fault' in error))).toEqual([]);
});
