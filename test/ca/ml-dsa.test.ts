import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shake256 } from '@noble/hashes/sha3.js';
import { describe, expect, it } from 'vitest';
import { createIssuingCa, createRoot, type Issuer } from '../../src/ca/authority.ts';
import { parseCertificate } from '../../src/ca/certificate.ts';
import { parseCsr } from '../../src/ca/csr/csr.ts';
import { signCsr } from '../../src/ca/csr/sign-csr.ts';
import { der, derBitString, derOid, derSequence } from '../../src/ca/der/der-writer.ts';
import { parsePem } from '../../src/ca/der/pem.ts';
import { issueLeaf } from '../../src/ca/issue.ts';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { mlDsaCaSigner } from '../../src/ca/keys/ml-dsa-ca-signer.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { lintLeaf } from '../../src/ca/lint.ts';
import { mlDsaKeyAlgorithm, mlDsaPrivateKey, mlDsaSpki, readMlDsaPrivateKey } from '../../src/ca/ml-dsa-private-key.ts';
import { nodeVerifySpkiSignature } from '../../src/ca/node-verify-signature.ts';
import { validatePath } from '../../src/ca/path/build-path.ts';
import { parsePublicKey } from '../../src/ca/public-key.ts';
import { encodeExtension, encodeKeyUsage, encodeLeafConstraints } from '../../src/ca/extension-writer.ts';
import { ExtensionOid, PurposeOid } from '../../src/ca/der/oids.ts';
import { acceptsKeyType, DEFAULT_PROFILE, leafKeyUsage, validityFrom } from '../../src/ca/profile.ts';
import { newSerial } from '../../src/ca/serial.ts';
import { signCertificate } from '../../src/ca/sign-certificate.ts';
import { verifyChain } from '../../src/ca/verify-chain.ts';
import { verifySignature, verifySpkiSignature } from '../../src/ca/verify-signature.ts';
import { importKey } from '../../src/client/client-key.ts';
import { ML_DSA_SETS, type MlDsaSet, mlDsaSizes, verifiesMlDsa } from '../../src/core/crypto/ml-dsa-sets.ts';
import { concatBytes } from '../../src/core/encoding/bytes.ts';
import { leafRequest, NOW_MS } from './support.ts';

const refused = (code: string): unknown => expect.objectContaining({ code });
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const example = (name: string): string => readFileSync(join(import.meta.dirname, 'rfc9881', `${name}.pem`), 'utf8');
const exampleCertificate = (set: MlDsaSet): Uint8Array => parsePem('CERTIFICATE', example(`${set}.crt`));
const SEED = Uint8Array.from({ length: 32 }, (_, i) => i);
const ALICE = { kind: 'email', value: 'alice@example.com' } as const;

/** Every fortieth byte with a flipped bit, and the last. */
function* damaged(bytes: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < bytes.length; i = i === bytes.length - 1 ? bytes.length : Math.min(i + 40, bytes.length - 1)) {
    const copy = bytes.slice();
    copy[i] = (copy[i] ?? 0) ^ (1 << (i % 8));
    yield copy;
  }
}

async function hierarchy(
  rootSet: MlDsaSet | 'p384',
  set: MlDsaSet | 'p256',
): Promise<{ root: Issuer; issuing: Issuer }> {
  const signerOf = async (kind: MlDsaSet | 'p256' | 'p384') =>
    kind === 'p256' || kind === 'p384' ? signerFromKey(await createKey(kind)) : mlDsaCaSigner(kind, random(32), random);
  const shared = { nowMs: NOW_MS, random };
  const root = await createRoot({ ...shared, signer: await signerOf(rootSet), commonName: 'Test Root' });
  const signer = await signerOf(set);
  return { root, issuing: await createIssuingCa({ ...shared, root, signer, commonName: 'Test Issuing' }) };
}

describe.each(ML_DSA_SETS)('%s: the examples of RFC 9881', (set) => {
  it('certificates are read, their signatures verify, and no damaged one does', async () => {
    const certificate = parseCertificate(exampleCertificate(set));
    expect(certificate).toMatchObject({ keyType: set, signatureAlgorithm: { family: set }, isCa: true });
    const { publicKey, signatureAlgorithm, tbs, signature } = certificate;
    await verifySignature(publicKey, signatureAlgorithm, tbs, signature);
    for (const wrong of damaged(signature)) {
      await expect(verifySignature(publicKey, signatureAlgorithm, tbs, wrong)).rejects.toEqual(
        refused('bad-signature'),
      );
    }
    for (const wrong of [signature.subarray(1), concatBytes(signature, Uint8Array.of(0)), new Uint8Array()]) {
      await expect(verifySignature(publicKey, signatureAlgorithm, tbs, wrong)).rejects.toEqual(
        refused('bad-signature'),
      );
    }
  });

  it.each(['seed', 'both'])('a private key with %s is the key of the certificate', async (form) => {
    const key = await importKey(example(`${set}-${form}.priv`));
    const { spki } = parseCertificate(exampleCertificate(set));
    expect(key).toMatchObject({ keyType: set, spki });
    expect(await key.exportRaw()).toEqual(SEED);
    expect(await key.exportPem()).toBe(example(`${set}-${form}.priv`));
    const message = Uint8Array.of(1, 2, 3);
    const signature = await key.sign(message);
    await nodeVerifySpkiSignature(spki, message, signature);
    // Hedged: no signature is made twice, and none by another key verifies.
    expect(await key.sign(message)).not.toEqual(signature);
    const other = mlDsaSpki(set, mlDsaPrivateKey(set, random(32)).publicKey);
    await expect(verifySpkiSignature(other, message, signature)).rejects.toEqual(refused('bad-signature'));
  });
});

describe('private keys that are refused', () => {
  it('a seed beside the expanded key of another one, as RFC 9881 prints it', async () => {
    const pem = example('bad-ml-dsa-44-1.priv');
    await expect(importKey(pem)).rejects.toEqual(refused('bad-key-file'));
  });

  it.each(ML_DSA_SETS)('%s: an expanded key without its seed, and any other form', (set) => {
    const { expandedKey } = mlDsaPrivateKey(set, SEED);
    const octets = (content: Uint8Array): Uint8Array => der(0x04, content);
    const forms = [
      octets(expandedKey),
      der(0x80, SEED.subarray(1)),
      concatBytes(der(0x80, SEED), Uint8Array.of(0)),
      der(0x81, SEED),
      der(0xa0, octets(SEED)),
      octets(SEED),
      derSequence(octets(SEED)),
      derSequence(octets(SEED), octets(expandedKey.subarray(1))),
      derSequence(octets(SEED), octets(expandedKey), octets(SEED)),
      derSequence(octets(expandedKey), octets(SEED)),
      new Uint8Array(),
    ];
    for (const form of forms) expect(() => readMlDsaPrivateKey(set, form)).toThrow(refused('bad-key-file'));
  });

  it('the key of one parameter set under the name of the other', async () => {
    const pkcs8 = parsePem('PRIVATE KEY', example('ml-dsa-44-both.priv')).slice();
    pkcs8[pkcs8.indexOf(0x11, 10)] = 0x12;
    await expect(importKey({ pkcs8 })).rejects.toEqual(refused('bad-key-file'));
  });
});

describe('public keys', () => {
  const spkiWith = (algorithm: Uint8Array, bits: Uint8Array): Uint8Array => derSequence(algorithm, derBitString(bits));

  it.each(ML_DSA_SETS)('%s: only without parameters and of the right length', (set) => {
    const { publicKey } = mlDsaPrivateKey(set, SEED);
    const oid = set === 'ml-dsa-44' ? '2.16.840.1.101.3.4.3.17' : '2.16.840.1.101.3.4.3.18';
    expect(parsePublicKey(spkiWith(mlDsaKeyAlgorithm(set), publicKey))).toMatchObject({ keyType: set });
    const wrong = [
      spkiWith(derSequence(derOid(oid), der(0x05)), publicKey),
      spkiWith(mlDsaKeyAlgorithm(set), publicKey.subarray(1)),
      spkiWith(mlDsaKeyAlgorithm(set), concatBytes(publicKey, Uint8Array.of(0))),
      spkiWith(mlDsaKeyAlgorithm(set === 'ml-dsa-44' ? 'ml-dsa-65' : 'ml-dsa-44'), publicKey),
      derSequence(mlDsaKeyAlgorithm(set), der(0x03, concatBytes(Uint8Array.of(1), publicKey))),
    ];
    for (const spki of wrong) expect(() => parsePublicKey(spki)).toThrow(refused('bad-key'));
  });

  it('of ML-DSA-87 and of HashML-DSA are refused', () => {
    for (const oid of ['2.16.840.1.101.3.4.3.19', '2.16.840.1.101.3.4.3.32', '2.16.840.1.101.3.4.3.33']) {
      const spki = spkiWith(derSequence(derOid(oid)), mlDsaPrivateKey('ml-dsa-44', SEED).publicKey);
      expect(() => parsePublicKey(spki)).toThrow(refused('weak-key'));
    }
  });

  it('for which anybody can sign are refused', () => {
    // With t1 = 0 the equation w = Az - c·t1·2^d holds for any challenge, so z = 0 signs everything.
    const set = 'ml-dsa-44';
    const { publicKey, signature } = mlDsaSizes(set);
    const key = concatBytes(random(32), new Uint8Array(publicKey - 32));
    const message = Uint8Array.of(1, 2, 3);
    const mu = shake256(concatBytes(shake256(key, { dkLen: 64 }), Uint8Array.of(0, 0), message), { dkLen: 64 });
    const challenge = shake256(concatBytes(mu, new Uint8Array(4 * 192)), { dkLen: 32 });
    // Coefficients of 0 are written as 2^17 in 18 bits, four in nine bytes.
    const zeros = Uint8Array.from({ length: 4 * 576 }, (_, i) => [0, 0, 2, 0, 8, 0, 32, 0, 128][i % 9] as number);
    const forged = concatBytes(challenge, zeros, new Uint8Array(signature - 32 - zeros.length));
    expect(verifiesMlDsa(set, key, message, forged)).toBe(true);
    expect(() => parsePublicKey(mlDsaSpki(set, key))).toThrow(refused('bad-key'));
  });
});

describe.each(ML_DSA_SETS)('%s: requests and certificates', (set) => {
  const key = async () => importKey({ type: set, raw: SEED });

  it('a request proves possession, and a damaged or stolen one does not', async () => {
    const { spki, sign, keyType } = await key();
    const csr = await signCsr({ algorithm: keyType, spki, sign }, ALICE);
    expect(await parseCsr(csr)).toMatchObject({ keyType: set, spki, names: ['alice@example.com'] });
    const thief = await importKey({ type: set, raw: random(32) });
    const stolen = await signCsr({ algorithm: keyType, spki, sign: thief.sign }, ALICE);
    const other = await importKey({ type: set === 'ml-dsa-44' ? 'ml-dsa-65' : 'ml-dsa-44', raw: SEED });
    const mixed = await signCsr({ algorithm: other.keyType, spki, sign: other.sign }, ALICE);
    for (const bad of [stolen, mixed]) {
      await expect(parseCsr(bad)).rejects.toEqual(refused('bad-proof-of-possession'));
    }
    for (const bad of damaged(csr)) {
      await expect(parseCsr(bad)).rejects.toEqual(
        expect.objectContaining({
          code: expect.stringMatching(/^(?:bad-csr|bad-key|weak-key|bad-proof-of-possession)$/),
        }),
      );
    }
  });

  it('a profile takes it only if it names it', () => {
    expect(acceptsKeyType(DEFAULT_PROFILE, set)).toBe(false);
    expect(acceptsKeyType({ keyTypes: ['p256'] }, set)).toBe(false);
    expect(acceptsKeyType({ keyTypes: ['p256', set] }, set)).toBe(true);
    expect(leafKeyUsage(set)).toEqual(['digitalSignature']);
  });

  it.each([
    ['p384', 'p256'],
    ['p384', set],
    ['ml-dsa-65', set],
  ] as const)('a leaf below a root of %s and an issuing CA of %s validates', async (rootSet, issuingSet) => {
    const { root, issuing } = await hierarchy(rootSet, issuingSet);
    const request = leafRequest(issuing, (await key()).spki, { profile: { ...DEFAULT_PROFILE, keyTypes: [set] } });
    const leaf = await issueLeaf(issuing, request);
    expect(lintLeaf(leaf, issuing, request)).toMatchObject({ keyType: set });
    const paths = { intermediates: [issuing.certificate.der], atMs: NOW_MS, purpose: PurposeOid.clientAuth };
    await verifyChain({ certificate: leaf, roots: [root.certificate.der], ...paths });
    for (const profile of ['strict', 'rfc5280'] as const) {
      const found = await validatePath({ leaf, anchors: [root.certificate.der], profile, ...paths });
      expect(found.path).toHaveLength(3);
    }
    const broken = leaf.slice();
    broken[broken.length - 10] = (broken.at(-10) ?? 0) ^ 1;
    const chain = verifyChain({ certificate: broken, roots: [root.certificate.der], ...paths });
    await expect(chain).rejects.toEqual(refused('untrusted-issuer'));
    const path = validatePath({ leaf: broken, anchors: [root.certificate.der], ...paths });
    await expect(path).rejects.toEqual(refused('untrusted-issuer'));
  });

  it('a certificate that lets the key agree on keys or encrypt is refused', async () => {
    const { issuing } = await hierarchy('p384', 'p256');
    const { spki } = await key();
    const made = (usages: Parameters<typeof encodeKeyUsage>[0]): Promise<Uint8Array> =>
      signCertificate(issuing.signer, {
        ...validityFrom(NOW_MS, 3_600_000),
        serial: newSerial(random),
        issuer: issuing.certificate.subject.der,
        subject: derSequence(),
        spki,
        extensions: [encodeLeafConstraints(), encodeExtension(ExtensionOid.keyUsage, true, encodeKeyUsage(usages))],
      });
    expect(parseCertificate(await made(['digitalSignature']))).toMatchObject({ keyType: set });
    for (const use of ['keyAgreement', 'keyEncipherment'] as const) {
      const bad = await made(['digitalSignature', use]);
      expect(() => parseCertificate(bad)).toThrow(refused('bad-certificate'));
    }
  });

  it('an algorithm with parameters is refused', () => {
    const certificate = exampleCertificate(set);
    const { tbs, signature } = parseCertificate(certificate);
    const oid = set === 'ml-dsa-44' ? '2.16.840.1.101.3.4.3.17' : '2.16.840.1.101.3.4.3.18';
    const withNull = derSequence(tbs, derSequence(derOid(oid), der(0x05)), derBitString(signature));
    expect(() => parseCertificate(withNull)).toThrow(refused('bad-certificate'));
  });
});
