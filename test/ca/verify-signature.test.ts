import { generateKeyPairSync, sign } from 'node:crypto';
import { afterEach, expect, it, vi } from 'vitest';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { verifyPkcs1ByNumbers } from '../../src/ca/verify-by-noble.ts';
import { verifySpkiSignature } from '../../src/ca/verify-signature.ts';
import { judgeCertificate } from '../../src/client/binding/binding.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { concatBytes, formatHex, parseHex } from '../../src/core/encoding/bytes.ts';

afterEach(() => vi.unstubAllGlobals());

const fails = (): never => {
  throw new DOMException('not here', 'NotSupportedError');
};

it.each([
  ['the algorithm, when it reads the key', { subtle: { importKey: fails } }],
  ['the algorithm, when it verifies', { subtle: { importKey: async () => ({}), verify: fails } }],
])('a platform that lacks %s says so, and nothing about the signature', async (_, crypto) => {
  const signer = signerFromKey(await createKey('p256'));
  const message = Uint8Array.of(1, 2, 3);
  const signature = await signer.sign(message);
  await verifySpkiSignature(signer.spki, message, signature);
  vi.stubGlobal('crypto', crypto);
  const lacks = expect.objectContaining({ code: 'platform-unsupported' }) as unknown;
  const verify = (): Promise<void> => verifySpkiSignature(signer.spki, message, signature);
  await expect(verify()).rejects.toEqual(lacks);
  // Nobody else's certificate is bad because of that.
  await expect(judgeCertificate(verify)).rejects.toEqual(lacks);
});

const MESSAGE = Uint8Array.of(1, 2, 3);

it.each([
  ['p256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'sha256'],
  ['p384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }), 'sha384'],
  ['ed25519', () => generateKeyPairSync('ed25519'), null],
  ['rsa', () => generateKeyPairSync('rsa', { modulusLength: 2048 }), 'sha256'],
] as const)(
  'without WebCrypto, a signature of type %s verifies, and any flipped bit is refused',
  async (_, make, hash) => {
    const { privateKey, publicKey } = make();
    const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
    const signature = new Uint8Array(sign(hash, MESSAGE, privateKey));
    const refused = expect.objectContaining({ code: 'bad-signature' }) as unknown;
    vi.stubGlobal('crypto', {});
    await verifySpkiSignature(spki, MESSAGE, signature);
    for (let i = 0; i < signature.length; i++) {
      const damaged = signature.slice();
      damaged[i] = (damaged[i] ?? 0) ^ (1 << (i % 8));
      await expect(verifySpkiSignature(spki, MESSAGE, damaged), `byte ${i}`).rejects.toEqual(refused);
    }
    for (const other of [new Uint8Array(), signature.slice(1), new Uint8Array(signature.length).fill(0xff)]) {
      await expect(verifySpkiSignature(spki, MESSAGE, other)).rejects.toEqual(refused);
    }
    await expect(verifySpkiSignature(spki, Uint8Array.of(1, 2), signature)).rejects.toEqual(refused);
  },
);

it('without WebCrypto, takes no RSA signature that forges the padding of a small exponent', () => {
  // Bleichenbacher's forgery of 2006: the digest not at the end. One message has one encoding, so it cannot be equal.
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 });
  const { n = '' } = publicKey.export({ format: 'jwk' });
  const modulus = new Uint8Array(Buffer.from(n, 'base64url'));
  const forged = cubeRoot(concatBytes(PREFIX, sha256(MESSAGE), new Uint8Array(256 - PREFIX.length - 32)));
  const key = { modulus, exponent: Uint8Array.of(3) };
  expect(verifyPkcs1ByNumbers(key, 'SHA-256', MESSAGE, forged)).toBe(false);
  const cubed = BigInt(`0x${formatHex(forged)}`) ** 3n;
  expect(
    cubed
      .toString(16)
      .padStart(512, '0')
      .slice(0, 2 * (PREFIX.length + 32)),
  ).toBe(formatHex(concatBytes(PREFIX, sha256(MESSAGE))));
});

/** The beginning of a forged encoding: one byte of padding, and the DigestInfo. */
const PREFIX = parseHex('0001ff003031300d060960864801650304020105000420');

/** The least number whose cube is not below `target`, as 256 bytes. */
function cubeRoot(target: Uint8Array): Uint8Array {
  const wanted = BigInt(`0x${formatHex(target)}`);
  let [low, high] = [0n, 1n << 700n];
  while (low < high) {
    const middle = (low + high) / 2n;
    if (middle ** 3n < wanted) low = middle + 1n;
    else high = middle;
  }
  return parseHex(low.toString(16).padStart(512, '0'));
}
