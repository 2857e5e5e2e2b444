import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { x25519 } from '@noble/curves/ed25519.js';
import { afterAll, describe, expect, it } from 'vitest';
import { parseCertificate } from '../../src/ca/certificate.ts';
import { encodeCompanionKeys, parseCompanionKeys, sameCompanionKeys } from '../../src/ca/companion-keys.ts';
import { signCsr } from '../../src/ca/csr/sign-csr.ts';
import { csrKeys } from '../../src/ca/csr/csr-keys.ts';
import { parseCsr } from '../../src/ca/csr/csr.ts';
import { derBitString, derOid, derSequence } from '../../src/ca/der/der-writer.ts';
import { issueLeaf } from '../../src/ca/issue.ts';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { lintLeaf } from '../../src/ca/lint.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { COMPANION_KEYS_OID, CompanionKeyOid } from '../../src/ca/der/oids.ts';
import { formatPem } from '../../src/ca/der/pem.ts';
import { verifyChain } from '../../src/ca/verify-chain.ts';
import { certifiedKeysHash } from '../../src/core/crypto/certified-keys-hash.ts';
import { formatHex, parseHex } from '../../src/core/encoding/bytes.ts';
import { companionsOf } from '../support/companions.ts';
import { createHierarchy, leafRequest, NOW_MS, openssl, spkiOf, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const both = companionsOf(1);
const ALICE = { kind: 'email', value: 'alice@example.com' } as const;
const code = (expected: string) => expect.objectContaining({ code: expected });
const spki = (oid: string, bits: Uint8Array): Uint8Array => derSequence(derSequence(derOid(oid)), derBitString(bits));
const xKey = (bits: Uint8Array): Uint8Array => spki(CompanionKeyOid.x25519, bits);
const kemKey = (bits: Uint8Array): Uint8Array => spki(CompanionKeyOid.mlKem768, bits);

/** A copy with one coefficient of 12 bits replaced. */
function withCoefficient(key: Uint8Array, index: number, value: number): Uint8Array {
  const changed = key.slice();
  const at = Math.floor(index / 2) * 3;
  if (index % 2 === 0) {
    changed[at] = value & 0xff;
    changed[at + 1] = ((changed[at + 1] as number) & 0xf0) | (value >> 8);
  } else {
    changed[at + 1] = ((changed[at + 1] as number) & 0x0f) | ((value & 0x0f) << 4);
    changed[at + 2] = value >> 4;
  }
  return changed;
}

describe('the value of the extension', () => {
  it.each([[both], [{ x25519: both.x25519 }], [{ mlKem768: both.mlKem768 }]])('is read as it was written', (keys) => {
    const value = encodeCompanionKeys(keys);
    const read = parseCompanionKeys(value);
    expect(read).toEqual({ x25519: undefined, mlKem768: undefined, ...keys });
    expect(encodeCompanionKeys(read)).toEqual(value);
    expect(sameCompanionKeys(read, keys)).toBe(true);
    expect(sameCompanionKeys(read, companionsOf(2))).toBe(false);
    expect(sameCompanionKeys(read, undefined)).toBe(false);
  });

  it.each<[string, Uint8Array]>([
    ['is empty', derSequence()],
    ['has two keys of a kind', derSequence(xKey(both.x25519), xKey(companionsOf(2).x25519))],
    ['has two post-quantum keys', derSequence(kemKey(both.mlKem768), kemKey(both.mlKem768))],
    ['is in another order', derSequence(kemKey(both.mlKem768), xKey(both.x25519))],
    ['has a key of another kind', derSequence(spki('1.3.101.111', new Uint8Array(56).fill(9)))],
    [
      'has parameters',
      derSequence(
        derSequence(derSequence(derOid(CompanionKeyOid.x25519), parseHex('0500')), derBitString(both.x25519)),
      ),
    ],
    ['has bytes behind', parseHex(`${formatHex(encodeCompanionKeys(both))}00`)],
    ['is cut off', encodeCompanionKeys(both).slice(0, -1)],
    ['has a short X25519 key', derSequence(xKey(both.x25519.slice(1)))],
    ['has a short ML-KEM key', derSequence(kemKey(both.mlKem768.slice(1)))],
    ['has a long ML-KEM key', derSequence(kemKey(new Uint8Array(1185)))],
  ])('that %s is refused', (_, value) => {
    expect(() => parseCompanionKeys(value)).toThrow(code('malformed-encoding'));
  });

  it.each([
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    `ec${'ff'.repeat(30)}7f`,
  ])('with an X25519 key of small order is refused: %s', (hex) => {
    const key = parseHex(hex);
    // Nobody can agree on a secret with it.
    expect(() => x25519.getSharedSecret(new Uint8Array(32).fill(7), key)).toThrow('invalid private or public key');
    expect(() => parseCompanionKeys(derSequence(xKey(key)))).toThrow(code('malformed-encoding'));
    expect(() => encodeCompanionKeys({ x25519: key })).toThrow(code('value-out-of-range'));
  });

  it.each([`ed${'ff'.repeat(30)}7f`, `f6${'ff'.repeat(30)}7f`, 'ff'.repeat(32), `09${'00'.repeat(30)}80`])(
    'with a second spelling of an X25519 key is refused: %s',
    (hex) => {
      expect(() => parseCompanionKeys(derSequence(xKey(parseHex(hex))))).toThrow(code('malformed-encoding'));
    },
  );

  it.each([0, 1, 766, 767])('with an ML-KEM-768 key whose coefficient %i is not reduced is refused', (index) => {
    const good = withCoefficient(both.mlKem768, index, 3328);
    expect(parseCompanionKeys(derSequence(kemKey(good))).mlKem768).toEqual(good);
    for (const value of [3329, 4095]) {
      const bad = withCoefficient(both.mlKem768, index, value);
      expect(() => parseCompanionKeys(derSequence(kemKey(bad)))).toThrow(code('malformed-encoding'));
    }
  });
});

describe('companion keys in a request and a certificate', () => {
  it('are bound by the signature of the request', async () => {
    const key = signerFromKey(await createKey('p256'));
    const request = await signCsr(key, ALICE, both);
    const read = await parseCsr(request);
    expect(read.companions).toEqual(both);
    expect(read.keysSha256).toEqual(certifiedKeysHash(key.spki, encodeCompanionKeys(both)));
    expect(csrKeys(formatPem('CERTIFICATE REQUEST', request)).keysSha256).toEqual(read.keysSha256);
    writeFileSync(join(folder.path, 'request.pem'), formatPem('CERTIFICATE REQUEST', request));
    const shown = openssl(['req', '-verify', '-noout', '-text', '-in', 'request.pem'], folder.path);
    expect(shown).toContain(COMPANION_KEYS_OID);
    const at = Buffer.from(request).indexOf(both.x25519);
    const forged = request.slice();
    forged.set(companionsOf(2).x25519, at);
    await expect(parseCsr(forged)).rejects.toThrow(code('bad-proof-of-possession'));
    forged.set(new Uint8Array(32), at);
    await expect(parseCsr(forged)).rejects.toThrow(code('bad-csr'));
  });

  it('stand in a certificate that OpenSSL finds valid, and that is refused where they are bad', async () => {
    const { root, issuing } = await createHierarchy('p256');
    const request = leafRequest(issuing, spkiOf(generateKeyPairSync('ed25519').publicKey), { companions: both });
    const leaf = await issueLeaf(issuing, request);
    expect(lintLeaf(leaf, issuing, request)).toMatchObject({ companions: both, unknownCritical: [] });
    const other = { ...request, companions: companionsOf(2) };
    expect(() => lintLeaf(leaf, issuing, other)).toThrow(code('lint-failed'));
    expect(() => lintLeaf(leaf, issuing, { ...request, companions: undefined })).toThrow(code('lint-failed'));
    const roots = [root.certificate.der];
    await verifyChain({ certificate: leaf, intermediates: [issuing.certificate.der], roots, atMs: NOW_MS });

    writeFileSync(join(folder.path, 'root.pem'), formatPem('CERTIFICATE', root.certificate.der));
    writeFileSync(join(folder.path, 'issuing.pem'), formatPem('CERTIFICATE', issuing.certificate.der));
    writeFileSync(join(folder.path, 'leaf.pem'), formatPem('CERTIFICATE', leaf));
    const at = ['-attime', String(Math.floor(NOW_MS / 1000))];
    const files = ['-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'leaf.pem'];
    expect(openssl(['verify', '-x509_strict', ...at, ...files], folder.path)).toMatch(/: OK/);
    expect(openssl(['x509', '-noout', '-text', '-in', 'leaf.pem'], folder.path)).toContain(`${COMPANION_KEYS_OID}: \n`);

    const forged = leaf.slice();
    forged.set(new Uint8Array(32), Buffer.from(leaf).indexOf(both.x25519));
    expect(() => parseCertificate(forged)).toThrow(code('bad-certificate'));
  });

  it('are part of how the keys of a certificate are named, and only where there are any', () => {
    const key = spkiOf(generateKeyPairSync('ed25519').publicKey);
    const names = [undefined, encodeCompanionKeys(both), encodeCompanionKeys(companionsOf(2))].map((companions) =>
      formatHex(certifiedKeysHash(key, companions)),
    );
    expect(new Set(names).size).toBe(3);
  });
});
