import { p256 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assertP256VrfKey,
  p256CurveCandidates,
  p256VrfNonce,
  p256VrfPublicKey,
  proveP256Vrf,
  verifyP256Vrf,
} from '../../../src/core/crypto/vrf-p256.ts';
import { concatBytes, encodeUtf8, formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';

const BAD_PROOF = expect.objectContaining({ code: 'bad-vrf-proof' });
const BAD_KEY = expect.objectContaining({ code: 'bad-key' });
const { Point } = p256;

const SAMPLE_KEY = 'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721';
const SAMPLE_PUBLIC_KEY = '0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6';

/** RFC 9381, Appendix B.1: examples 10, 11 and 12. */
const RFC_9381_EXAMPLES = [
  {
    secretKey: SAMPLE_KEY,
    publicKey: SAMPLE_PUBLIC_KEY,
    alpha: 'sample',
    nonce: '0d90591273453d2dc67312d39914e3a93e194ab47a58cd598886897076986f77',
    proof:
      '035b5c726e8c0e2c488a107c600578ee75cb702343c153cb1eb8dec77f4b5071b4' +
      'a53f0a46f018bc2c56e58d383f2305e0975972c26feea0eb122fe7893c15af376b33edf7de17c6ea056d4d82de6bc02f',
    output: 'a3ad7b0ef73d8fc6655053ea22f9bede8c743f08bbed3d38821f0e16474b505e',
  },
  {
    secretKey: SAMPLE_KEY,
    publicKey: SAMPLE_PUBLIC_KEY,
    alpha: 'test',
    nonce: '5852353a868bdce26938cde1826723e58bf8cb06dd2fed475213ea6f3b12e961',
    proof:
      '034dac60aba508ba0c01aa9be80377ebd7562c4a52d74722e0abae7dc3080ddb56' +
      'c19e067b15a8a8174905b13617804534214f935b94c2287f797e393eb0816969d864f37625b443f30f1a5a33f2b3c854',
    output: 'a284f94ceec2ff4b3794629da7cbafa49121972671b466cab4ce170aa365f26d',
  },
  {
    secretKey: '2ca1411a41b17b24cc8c3b089cfd033f1920202a6c0de8abb97df1498d50d2c8',
    publicKey: '03596375e6ce57e0f20294fc46bdfcfd19a39f8161b58695b3ec5b3d16427c274d',
    alpha: 'Example using ECDSA key from Appendix L.4.2 of ANSI.X9-62-2005',
    proof:
      '03d03398bf53aa23831d7d1b2937e005fb0062cbefa06796579f2a1fc7e7b8c667' +
      'd091c00b0f5c3619d10ecea44363b5a599cadc5b2957e223fec62e81f7b4825fc799a771a3d7334b9186bdbee87316b1',
    output: '90871e06da5caa39a3c61578ebb844de8635e27ac0b13e829997d0d95dd98c19',
  },
];

const secretKey = parseHex('0b'.repeat(32));
const publicKey = p256VrfPublicKey(secretKey);
const alpha = parseHex('00112233');
const { proof, output } = proveP256Vrf(secretKey, alpha);

/** The first candidate for `alpha` that is no point of the curve, of some key for which there is one. */
function notOnCurve(): Uint8Array {
  for (const candidate of p256CurveCandidates(publicKey, parseHex('05'))) {
    try {
      Point.fromBytes(candidate);
    } catch {
      return candidate;
    }
  }
  throw new Error('every candidate is a point');
}

/** Encodings that are no compressed point: infinity, other tags, x of at least p, x without a y. */
const NO_POINTS: readonly Uint8Array[] = [
  Uint8Array.of(0),
  new Uint8Array(33),
  concatBytes(Uint8Array.of(4), publicKey.slice(1)),
  concatBytes(Uint8Array.of(6), publicKey.slice(1)),
  concatBytes(Uint8Array.of(2), parseHex(Point.Fp.ORDER.toString(16))),
  concatBytes(Uint8Array.of(2), new Uint8Array(32).fill(0xff)),
  Point.BASE.toBytes(false),
  publicKey.subarray(1),
  concatBytes(publicKey, Uint8Array.of(0)),
  notOnCurve(),
];

function integer(bytes: Uint8Array): bigint {
  return BigInt(`0x${formatHex(bytes)}`);
}

describe('ECVRF-P256-SHA256-TAI', () => {
  it.each(RFC_9381_EXAMPLES)('is that of RFC 9381 for alpha "$alpha"', (example) => {
    const input = encodeUtf8(example.alpha);
    const result = proveP256Vrf(parseHex(example.secretKey), input);
    expect(formatHex(p256VrfPublicKey(parseHex(example.secretKey)))).toBe(example.publicKey);
    expect(formatHex(result.proof)).toBe(example.proof);
    expect(formatHex(result.output)).toBe(example.output);
    expect(verifyP256Vrf(parseHex(example.publicKey), input, result.proof)).toEqual(result.output);
  });

  it('draws its nonces as RFC 6979 does', () => {
    // Appendix A.2.5 of RFC 6979, message "sample" with SHA-256.
    expect(formatHex(p256VrfNonce(parseHex(SAMPLE_KEY), encodeUtf8('sample')))).toBe(
      'a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60',
    );
    for (const { secretKey: secret, publicKey: key, alpha: text, nonce } of RFC_9381_EXAMPLES) {
      if (nonce === undefined) continue;
      const isNonce = [...p256CurveCandidates(parseHex(key), encodeUtf8(text))].some(
        (point) => formatHex(p256VrfNonce(parseHex(secret), point)) === nonce,
      );
      expect(isNonce).toBe(true);
    }
  });

  it('proves and verifies any input with any key', () => {
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((bytes) => {
      const scalar = integer(bytes);
      return scalar > 0n && scalar < Point.Fn.ORDER;
    });
    fc.assert(
      fc.property(key, fc.uint8Array({ maxLength: 300 }), (secret, input) => {
        const result = proveP256Vrf(secret, input);
        expect(verifyP256Vrf(p256VrfPublicKey(secret), input, result.proof)).toEqual(result.output);
      }),
      { numRuns: 15 },
    );
  });

  it('refuses every flipped bit of a proof', () => {
    fc.assert(
      fc.property(fc.nat({ max: 8 * proof.length - 1 }), (bit) => {
        const i = Math.floor(bit / 8);
        const flipped = proof.with(i, (proof[i] as number) ^ (1 << (bit % 8)));
        expect(() => verifyP256Vrf(publicKey, alpha, flipped)).toThrow(BAD_PROOF);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses another input, another key and another length', () => {
    expect(() => verifyP256Vrf(publicKey, parseHex('00112234'), proof)).toThrow(BAD_PROOF);
    expect(() => verifyP256Vrf(p256VrfPublicKey(parseHex('0c'.repeat(32))), alpha, proof)).toThrow(BAD_PROOF);
    expect(() => verifyP256Vrf(publicKey, alpha, proof.subarray(0, 80))).toThrow(BAD_PROOF);
    expect(() => verifyP256Vrf(publicKey, alpha, concatBytes(proof, Uint8Array.of(0)))).toThrow(BAD_PROOF);
    // The other point with the same x.
    const negated = proof.with(0, (proof[0] as number) ^ 1);
    expect(() => verifyP256Vrf(publicKey, alpha, negated)).toThrow(BAD_PROOF);
  });

  it('refuses a scalar that is not reduced', () => {
    // With a response below 2^256 minus the order, the unreduced one fits into 32 bytes.
    const small = concatBytes(proof.slice(0, 49), new Uint8Array(32));
    const order = parseHex(Point.Fn.ORDER.toString(16));
    for (const s of [order, order.with(31, (order[31] as number) + 1), new Uint8Array(32).fill(0xff)]) {
      expect(() => verifyP256Vrf(publicKey, alpha, concatBytes(small.slice(0, 49), s))).toThrow(/not reduced/);
    }
  });

  it('refuses a Gamma that is no point', () => {
    for (const gamma of NO_POINTS.filter(({ length }) => length === 33)) {
      expect(() => verifyP256Vrf(publicKey, alpha, concatBytes(gamma, proof.slice(33)))).toThrow(BAD_PROOF);
    }
  });

  it('refuses scalars of zero, with which its points are at infinity', () => {
    expect(() => verifyP256Vrf(publicKey, alpha, concatBytes(proof.slice(0, 33), new Uint8Array(48)))).toThrow(
      BAD_PROOF,
    );
  });

  it('gives the output that was proved', () => {
    expect(verifyP256Vrf(publicKey, alpha, proof)).toEqual(output);
    expect(output).toHaveLength(32);
    expect(proof).toHaveLength(81);
  });
});

describe('keys of the P-256 VRF', () => {
  it.each(NO_POINTS.map(formatHex))('refuse %s', (hex) => {
    expect(() => assertP256VrfKey(parseHex(hex))).toThrow(BAD_KEY);
    expect(() => verifyP256Vrf(parseHex(hex), alpha, proof)).toThrow(BAD_KEY);
  });

  it('are between 1 and the group order', () => {
    const order = parseHex(Point.Fn.ORDER.toString(16));
    for (const secret of [new Uint8Array(32), new Uint8Array(31), order, new Uint8Array(32).fill(0xff)]) {
      expect(() => p256VrfPublicKey(secret)).toThrow(BAD_KEY);
      expect(() => proveP256Vrf(secret, alpha)).toThrow(BAD_KEY);
    }
    assertP256VrfKey(publicKey);
  });
});
