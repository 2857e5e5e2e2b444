import fc from 'fast-check';
import type { Credential } from 'ts-mls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import { generateKey } from '../../../src/client/client-key.ts';
import { CredentialJudge, MAX_CLAIMS } from '../../../src/client/mls/credential-judge.ts';
import { deviceSuite } from '../../../src/client/mls/device-suite.ts';
import { credentialOf, makeKeyPackage, signatureKeyOf } from '../../../src/client/mls/key-package.ts';
import { type MemberClaim, readCredential } from '../../../src/client/mls/member-credential.ts';
import { parseCertificate } from '../../../src/ca/certificate.ts';
import { issueLeaf } from '../../../src/ca/issue.ts';
import { DEFAULT_PROFILE, leafValidity } from '../../../src/ca/profile.ts';
import { newSerial } from '../../../src/ca/serial.ts';
import { bareSuite, type MlsTestDevice, newMlsDevice } from '../../support/mls-devices.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';
import { identityOf, newDeviceKey } from '../../support/owner.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

let server: TestServer;
let alice: MlsTestDevice;
let claim: MemberClaim;
let der: Uint8Array;
beforeAll(async () => {
  server = await createTestServer();
  alice = await newMlsDevice(server, 'alice@example.com');
  claim = { credential: credentialOf(alice.issued), signatureKey: signatureKeyOf(alice) };
  [der] = credentialOf(alice.issued).certificates as [Uint8Array];
});
afterAll(() => server.close());

const read = (given: MemberClaim) => readCredential(given, identityOf);
const withCertificates = (...certificates: Uint8Array[]): MemberClaim => ({
  ...claim,
  credential: { credentialType: 'x509', certificates },
});

describe('a credential', () => {
  it('is read with its issuer, without, and with one more certificate', async () => {
    for (const given of [claim, withCertificates(der), withCertificates(der, Uint8Array.of(1), Uint8Array.of(2))]) {
      await expect(read(given)).resolves.toMatchObject({ identity: 'alice@example.com', der });
    }
  });

  it('is refused for any other signature key', async () => {
    const { signatureKey } = claim;
    for (const other of [signatureKey.slice(1), new Uint8Array(), alice.key.spki]) {
      await expect(read({ ...claim, signatureKey: other })).rejects.toThrow(code('bad-certificate'));
    }
    for (let bit = 0; bit < 8 * signatureKey.length; bit++) {
      const flipped = signatureKey.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      await expect(read({ ...claim, signatureKey: flipped })).rejects.toThrow(code('bad-certificate'));
    }
  });

  it.each([
    ['no certificate', () => withCertificates()],
    ['four certificates', () => withCertificates(der, der, der, der)],
    ['too many bytes', () => withCertificates(der, new Uint8Array(16_384))],
    ['a type of its own', () => ({ ...claim, credential: { credentialType: 'vc' } as unknown as Credential })],
  ])('of %s is refused', async (_, given) => {
    await expect(read(given())).rejects.toThrow(code('bad-certificate'));
  });

  it('of a name that is no identity here, or of an RSA key, is refused', async () => {
    const { keys, reloadable, random, now } = server.log.context;
    const leaf = async (algorithm: 'ed25519' | 'rsa', value: string) => {
      const { spki } = algorithm === 'rsa' ? await rsaKey() : await newDeviceKey('ed25519');
      const order = { spki, san: { kind: 'uri' as const, value }, serial: newSerial(random), profile: DEFAULT_PROFILE };
      const times = leafValidity(DEFAULT_PROFILE, keys.issuer.certificate, now());
      const made = await issueLeaf(keys.issuer, { ...order, ...times, urls: reloadable.at(now()).signingCa.urls });
      return { ...withCertificates(made), signatureKey: spki.slice(-32) };
    };
    await expect(read(await leaf('ed25519', 'acct:bob@chat.example'))).resolves.toMatchObject({
      identity: 'acct:bob@chat.example',
    });
    await expect(read(await leaf('ed25519', 'ftp://example.com'))).rejects.toThrow(code('bad-certificate'));
    await expect(read(await leaf('rsa', 'acct:bob@chat.example'))).rejects.toThrow(code('bad-certificate'));
  });

  it('of any bytes is refused, and never crashes', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 4 }), bytes, async (certificates, signatureKey) => {
        const given: MemberClaim = { credential: { credentialType: 'x509', certificates }, signatureKey };
        const error: unknown = await read(given).catch((cause: unknown) => cause);
        return isGlasskeyError(error, 'bad-certificate');
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const damaged = der.slice();
        damaged[at] = (damaged[at] as number) ^ change;
        const judge = new CredentialJudge(alice.directory, { now: server.log.clock.now });
        const [judged] = await judge.judge([withCertificates(damaged)], { recent: false });
        return judged?.type !== 'accepted';
      }),
      { numRuns: 40 },
    );
  });

  it('is one of at most 10,000 at once', async () => {
    const judge = new CredentialJudge(alice.directory, {});
    const many = Array.from({ length: MAX_CLAIMS + 1 }, () => claim);
    const before = alice.requests.length;
    await expect(judge.judge(many, { recent: false })).rejects.toThrow(code('payload-too-large'));
    await expect(judge.prefetch(many)).rejects.toThrow(code('payload-too-large'));
    expect(alice.requests).toHaveLength(before);
  });
});

describe('an expired certificate', () => {
  it('is departed, by its own code, and an old answer does not accept it', async () => {
    const later = await createTestServer({ configuration: { maxBehindMs: 366 * 86_400_000 } });
    const { clock } = later.log;
    const bob = await newMlsDevice(later, 'bob@example.com', { servesMs: 1000 });
    const one = { credential: credentialOf(bob.issued), signatureKey: signatureKeyOf(bob) };
    await expect(bob.auth.service.validateCredential(one.credential, one.signatureKey)).resolves.toBe(true);
    const { notAfterMs } = parseCertificate(credentialOf(bob.issued).certificates[0] as Uint8Array);
    clock.advance(notAfterMs - clock.now() + 1000);
    await expect(bob.auth.service.validateCredential(one.credential, one.signatureKey)).resolves.toBe(false);
    expect(bob.auth.lastRefusal).toMatchObject({ type: 'departed', error: { code: 'certificate-expired' } });
    await later.close();
  });
});

describe('a KeyPackage', () => {
  it('is made for the certified key and a suite of its kind alone', async () => {
    const other = await generateKey({ type: 'ed25519' });
    await expect(makeKeyPackage({ ...alice, key: other }, alice.suite)).rejects.toThrow(code('usage'));
    const p256 = await bareSuite('MLS_128_DHKEMP256_AES128GCM_SHA256_P256');
    expect(() => deviceSuite(p256, alice.key)).toThrow(code('usage'));
    await expect(makeKeyPackage(alice, p256)).rejects.toThrow(code('usage'));
    expect(() => credentialOf({ certificate: '', chain: [] })).toThrow(code('usage'));
  });

  it('lives as long as its certificate, unless told', async () => {
    const [certificate] = await alice.directory
      .lookup(alice.name)
      .then((one) => (one.found ? one.binding.certificates : []));
    const { publicPackage } = await makeKeyPackage(alice, alice.suite);
    expect(publicPackage.leafNode).toMatchObject({
      lifetime: {
        notBefore: BigInt(Math.floor((certificate?.notBeforeMs ?? 0) / 1000)),
        notAfter: BigInt(Math.floor((certificate?.notAfterMs ?? 0) / 1000)),
      },
      capabilities: { credentials: ['x509'] },
    });
    const lifetime = { notBefore: 1n, notAfter: 2n };
    const short = await makeKeyPackage(alice, alice.suite, { lifetime });
    expect(short.publicPackage.leafNode).toMatchObject({ lifetime });
  });
});

async function rsaKey(): Promise<{ readonly spki: Uint8Array }> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
    hash: 'SHA-256',
  };
  const { publicKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  return { spki: new Uint8Array(await crypto.subtle.exportKey('spki', publicKey)) };
}
