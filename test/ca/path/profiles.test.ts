import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { derBitString, der, derOid, derSequence, derUnsigned } from '../../../src/ca/der/der-writer.ts';
import { ExtensionOid } from '../../../src/ca/der/oids.ts';
import { parseAnchors, parsePemBlocks, type PathOptions, validatePath } from '../../../src/ca/path/index.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import {
  caWith,
  constraints,
  critical,
  dns,
  type Made,
  makeCa,
  makeLeaf,
  type Recipe,
  plain,
  policies,
  mappings,
  VALID_TO_MS,
  WITHIN_MS,
} from './made-certificates.ts';

const DAY_MS = 24 * 3_600_000;
const POLICY_1 = '1.3.6.1.4.1.55738.1';
const POLICY_2 = '1.3.6.1.4.1.55738.2';

async function judge(leaf: Made, anchors: readonly Made[], more: Partial<PathOptions> = {}): Promise<string> {
  try {
    await validatePath({
      leaf: leaf.der,
      intermediates: [],
      anchors: anchors.map((one) => one.der),
      atMs: WITHIN_MS,
      ...more,
    });
    return 'valid';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** The outcomes under `strict` and `rfc5280`. */
const both = async (leaf: Made, anchors: readonly Made[], more: Partial<PathOptions> = {}): Promise<string[]> => [
  await judge(leaf, anchors, { ...more, profile: 'strict' }),
  await judge(leaf, anchors, { ...more, profile: 'rfc5280' }),
];

const root = makeCa();
const leafOf = (recipe: Recipe, issuer: Made = root): Made => makeLeaf(issuer, recipe);

describe('the profile rfc5280 accepts what strict refuses of a leaf:', () => {
  it.each<[string, Made]>([
    ['serial 0', leafOf({ serial: Uint8Array.of(0) })],
    ['no authority key identifier', leafOf({ extensions: { [ExtensionOid.authorityKeyIdentifier]: undefined } })],
    ['another authority key identifier', leafOf({}, { ...root, keyId: new Uint8Array(20) })],
    [
      'a critical key identifier',
      leafOf({ extensions: { [ExtensionOid.subjectKeyIdentifier]: critical(der(4, new Uint8Array(20))) } }),
    ],
    [
      'a malformed name',
      leafOf({ extensions: { [ExtensionOid.subjectAltName]: plain(derSequence(dns('a_b.example'))) } }),
    ],
    [
      'keyUsage with trailing zeros',
      leafOf({ extensions: { [ExtensionOid.keyUsage]: critical(Uint8Array.of(3, 2, 0, 0x80)) } }),
    ],
    ['a unique identifier', leafOf({ uniqueId: Uint8Array.of(0x81, 2, 4, 0xf0) })],
    ['GeneralizedTime before 2050', leafOf({ generalizedTime: true })],
    ['being a CA', makeCa({}, root)],
  ])('%s', async (_, leaf) => {
    const [strict, rfc5280] = await both(leaf, [root]);
    expect(strict).not.toBe('valid');
    expect(rfc5280).toBe('valid');
  });
});

describe('the profile rfc5280 takes an anchor for a name and a key:', () => {
  const { basicConstraints, nameConstraints, subjectAltName } = ExtensionOid;
  it.each<[string, Made]>([
    ['expired', makeCa({ toMs: WITHIN_MS - DAY_MS })],
    ['no CA', makeCa({ extensions: { [basicConstraints]: undefined } })],
    ['a critical extension that nobody knows', makeCa({ extensions: { '1.3.6.1.4.1.55738.9': critical(der(5)) } })],
    ['names that cannot be read', makeCa({ extensions: { [subjectAltName]: plain(encodeUtf8('x')) } })],
    ['an extension that cannot be read', makeCa({ extensions: { [basicConstraints]: critical(encodeUtf8('x')) } })],
    ['constraints that nobody asks for', makeCa({ extensions: { [nameConstraints]: constraints([dns('other')]) } })],
  ])('%s', async (_, anchor) => {
    const [strict, rfc5280] = await both(leafOf({}, anchor), [anchor]);
    expect(strict).not.toBe('valid');
    expect(rfc5280).toBe('valid');
  });

  it('applies its constraints if asked', async () => {
    const named = makeCa({ extensions: { [nameConstraints]: constraints([dns('other')]) } });
    const short = makeCa({ extensions: { [basicConstraints]: caWith(0) } });
    const broken = makeCa({ extensions: { [basicConstraints]: critical(encodeUtf8('x')) } });
    const asked = { profile: 'rfc5280', anchorConstraints: true } as const;
    expect(await judge(leafOf({}, named), [named], asked)).toBe('bad-certificate');
    const ca = makeCa({}, short);
    expect(await judge(leafOf({}, ca), [short], { ...asked, intermediates: [ca.der] })).toBe('bad-certificate');
    expect(await judge(leafOf({}, short), [short], asked)).toBe('valid');
    expect(await judge(leafOf({}, broken), [broken], asked)).toBe('bad-certificate');
  });
});

describe('the profile rfc5280 refuses', () => {
  it.each<[string, Made, Partial<PathOptions>]>([
    ['what expired', leafOf({}), { atMs: VALID_TO_MS + DAY_MS }],
    ['another signature', leafOf({}, { ...root, key: makeCa().key }), {}],
    ['another name', leafOf({}), { host: 'other.example' }],
    ['an unknown critical extension', leafOf({ extensions: { '1.3.6.1.4.1.55738.9': critical(der(5)) } }), {}],
  ])('%s', async (_, leaf, more) => {
    expect(await judge(leaf, [root], { ...more, profile: 'rfc5280' })).not.toBe('valid');
  });

  it('an issuer that is no CA', async () => {
    const user = leafOf({ subject: 'user' });
    const below = makeLeaf(user);
    expect(await judge(below, [root], { intermediates: [user.der], profile: 'rfc5280' })).toBe('bad-certificate');
  });

  it('a mapped policy and anyPolicy, where the caller forbids them', async () => {
    const { certificatePolicies, policyMappings } = ExtensionOid;
    const mapping = makeCa(
      { extensions: { [certificatePolicies]: policies(POLICY_1), [policyMappings]: mappings([POLICY_1, POLICY_2]) } },
      root,
    );
    const any = makeCa({ extensions: { [certificatePolicies]: policies('2.5.29.32.0') } }, root);
    const leaf = { extensions: { [certificatePolicies]: policies(POLICY_2) } };
    for (const [ca, forbidden] of [
      [mapping, { inhibitPolicyMapping: true }],
      [any, { inhibitAnyPolicy: true }],
    ] as const) {
      const asked = { intermediates: [ca.der], requirePolicy: true };
      expect(await both(leafOf(leaf, ca), [root], asked)).toEqual(['valid', 'valid']);
      const refused = ['bad-certificate', 'bad-certificate'];
      expect(await both(leafOf(leaf, ca), [root], { ...asked, ...forbidden })).toEqual(refused);
    }
  });
});

const RSA = derSequence(derOid('1.2.840.113549.1.1.1'), der(5));
const SHA384 = derSequence(derOid('2.16.840.1.101.3.4.2.2'));
const SHA256 = derSequence(derOid('2.16.840.1.101.3.4.2.1'));
const mgf1 = (hash: Uint8Array): Uint8Array => derSequence(derOid('1.2.840.113549.1.1.8'), hash);
const pss = (hash: Uint8Array, mask = hash, saltLength = 48): Uint8Array =>
  derSequence(
    derOid('1.2.840.113549.1.1.10'),
    derSequence(der(0xa0, hash), der(0xa1, mgf1(mask)), der(0xa2, derUnsigned(Uint8Array.of(saltLength)))),
  );

function spkiDer(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }));
}

describe('signatures of other CAs', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const saltLength = 48;
  const signPss = (tbs: Uint8Array): Uint8Array =>
    sign('sha384', tbs, { key: rsa, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

  it.each([
    ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey],
    ['RSASSA-PSS', rsa],
  ])('verifies %s, in both profiles', async (name, key) => {
    const scheme =
      name === 'P-521'
        ? { algorithm: derSequence(derOid('1.2.840.10045.4.3.4')), sign: (tbs: Uint8Array) => sign('sha512', tbs, key) }
        : { algorithm: pss(SHA384), sign: signPss };
    const ca = makeCa({ key, spki: spkiDer(key), ...scheme });
    const leaf = makeLeaf(ca, scheme);
    expect(await both(leaf, [ca])).toEqual(['valid', 'valid']);
    const flipped = leaf.der.with(leaf.der.length - 1, (leaf.der.at(-1) ?? 0) ^ 1);
    expect(await both({ ...leaf, der: flipped }, [ca])).toEqual(['untrusted-issuer', 'untrusted-issuer']);
  });

  it('verifies a key that is for RSASSA-PSS alone, by its parameters', async () => {
    const keyBits = spkiDer(rsa).subarray(-270);
    const spki = (parameters: Uint8Array): Uint8Array => derSequence(parameters, derBitString(keyBits));
    const scheme = { algorithm: pss(SHA384), sign: signPss };
    const ca = makeCa({ key: rsa, spki: spki(pss(SHA384)), ...scheme });
    expect(await both(makeLeaf(ca, scheme), [ca])).toEqual(['valid', 'valid']);
    const other = makeCa({ key: rsa, spki: spki(pss(SHA256)), ...scheme });
    expect(await both(makeLeaf(other, scheme), [other])).toEqual(['untrusted-issuer', 'untrusted-issuer']);
    const plainRsa = makeCa({ key: rsa, spki: derSequence(RSA, derBitString(keyBits)), ...scheme });
    expect(await both(makeLeaf(plainRsa, scheme), [plainRsa])).toEqual(['valid', 'valid']);
  });

  it('tries the next key where a salt has no room in the modulus', async () => {
    const large = generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
    // A modulus of 2,048 bits has room for 206 bytes.
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    const scheme = {
      algorithm: pss(SHA384, SHA384, 207),
      sign: (tbs: Uint8Array) => sign('sha384', tbs, { key: large, padding, saltLength: 207 }),
    };
    const first = makeCa({ key: rsa, spki: spkiDer(rsa), algorithm: pss(SHA384), sign: signPss });
    const second = makeCa({ key: large, spki: spkiDer(large), ...scheme });
    const leaf = makeLeaf({ ...second, keyId: first.keyId }, scheme);
    expect(await both(leaf, [first, second])).toEqual(['untrusted-issuer', 'valid']);
  });

  it('do not verify where the platform fails', async () => {
    const leaf = makeLeaf(root);
    const failing = vi.spyOn(crypto.subtle, 'verify').mockRejectedValue(new DOMException('no', 'OperationError'));
    try {
      expect(await both(leaf, [root])).toEqual(['untrusted-issuer', 'untrusted-issuer']);
    } finally {
      failing.mockRestore();
    }
    expect(await both(leaf, [root])).toEqual(['valid', 'valid']);
  });

  it('refuses RSASSA-PSS with another hash in its mask', async () => {
    const scheme = { algorithm: pss(SHA384, SHA256), sign: signPss };
    const ca = makeCa({ key: rsa, spki: spkiDer(rsa) });
    expect(await both(makeLeaf(ca, scheme), [ca])).toEqual(['bad-certificate', 'bad-certificate']);
  });
});

describe('trust anchors', () => {
  const BUNDLE = '/etc/ssl/certs/ca-certificates.crt';

  it.skipIf(!existsSync(BUNDLE) && process.env['CI'] === undefined)('are all readable in the system bundle', () => {
    const ders = parsePemBlocks('CERTIFICATE', readFileSync(BUNDLE, 'utf8'), 1_024);
    const { readable, unreadable } = parseAnchors(ders);
    expect(unreadable).toEqual([]);
    expect(readable.length).toBeGreaterThan(100);
    expect(readable.filter(({ flaw }) => flaw !== undefined)).toEqual([]);
  });

  it('are reported if they cannot be read, and read once', async () => {
    const anchors = parseAnchors([Uint8Array.of(1, 2, 3), root.der]);
    expect(anchors.unreadable).toMatchObject([{ index: 0, error: { code: 'bad-certificate' } }]);
    const options = { leaf: leafOf({}).der, intermediates: [], atMs: WITHIN_MS };
    const { unreadableAnchors, path } = await validatePath({ ...options, anchors });
    expect(unreadableAnchors).toEqual(anchors.unreadable);
    expect(path[1]).toBe(anchors.readable[0]);
    const failure = validatePath({ ...options, anchors: [Uint8Array.of(1, 2, 3)] });
    await expect(failure).rejects.toMatchObject({
      code: 'untrusted-issuer',
      message: expect.stringContaining('1 trust') as string,
    });
  });

  it('may be RSA keys with exponent 3, which nothing else may', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 });
    const algorithm = derSequence(derOid('1.2.840.113549.1.1.11'), der(5));
    const scheme = { algorithm, sign: (tbs: Uint8Array) => sign('sha256', tbs, privateKey) };
    const anchor = makeCa({ key: privateKey, spki: spkiDer(privateKey), ...scheme });
    expect(await both(makeLeaf(anchor, scheme), [anchor])).toEqual(['valid', 'valid']);
    const ca = makeCa({ key: privateKey, spki: spkiDer(privateKey) }, root);
    const found = await both(makeLeaf(ca, scheme), [root], { intermediates: [ca.der] });
    expect(found).toEqual(['untrusted-issuer', 'untrusted-issuer']);
  });
});
