import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  assertVrfPublicKey,
  curveCandidates,
  expandVrfSecret,
  proveVrf,
  verifyVrf,
  vrfChallenge,
  vrfPublicKey,
  vrfResponse,
} from '../../../src/core/crypto/vrf-ed25519.ts';
import { concatBytes, formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { VERIFIERS } from '../../support/verifiers.ts';
import { NON_CANONICAL_POINTS, NOT_ON_CURVE, SMALL_ORDER_POINTS } from './small-order-points.ts';

const BAD_PROOF = expect.objectContaining({ code: 'bad-vrf-proof' });
const BAD_KEY = expect.objectContaining({ code: 'bad-key' });
const { Point } = ed25519;

/** RFC 9381, Appendix B.3: examples 16, 17 and 18. */
const RFC_9381_EXAMPLES = [
  {
    secretKey: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    alpha: '',
    proof:
      '8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f26f8a57ccaed74ee1b190bed1f479d97' +
      '27d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805',
    output: '90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff',
  },
  {
    secretKey: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    alpha: '72',
    proof:
      'f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed5933bf0864a62558b3ed7f2fea45c92a465' +
      '301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02',
    output: 'eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb',
  },
  {
    secretKey: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    alpha: 'af82',
    proof:
      '9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf8096bb474e53895c362d8628ee9f9ea3c0' +
      'e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e',
    output: '645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c45',
  },
];

const secretKey = parseHex('0b'.repeat(32));
const publicKey = vrfPublicKey(secretKey);
const alpha = parseHex('00112233');
const { proof, output } = proveVrf(secretKey, alpha);

/** The point that `alpha` is hashed to. */
function hashedPoint(): InstanceType<typeof Point> {
  for (const candidate of curveCandidates(publicKey, alpha)) {
    try {
      return Point.fromBytes(candidate, false).clearCofactor();
    } catch {
      continue;
    }
  }
  throw new Error('no point');
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${formatHex(bytes.toReversed())}`);
}

/** A dishonest prover's proof: Gamma with `torsion` added, and nonces until the challenge hides that. */
function proveWithTorsion(torsion: Uint8Array): Uint8Array {
  const secret = expandVrfSecret(secretKey);
  const point = hashedPoint();
  const gamma = Point.fromBytes(proof.slice(0, 32), false).add(Point.fromBytes(torsion, false));
  for (let nonce = 1n; ; nonce++) {
    const u = Point.BASE.multiply(nonce).toBytes();
    const v = point.multiply(nonce).toBytes();
    const challenge = vrfChallenge([publicKey, point.toBytes(), gamma.toBytes(), u, v]);
    if (littleEndian(challenge) % 8n !== 0n) continue;
    const wide = new Uint8Array(64).with(0, Number(nonce));
    return concatBytes(gamma.toBytes(), challenge, vrfResponse(secret, wide, challenge));
  }
}

describe.each(VERIFIERS)('ECVRF-EDWARDS25519-SHA512-TAI by $verifier', ({ install, uninstall }) => {
  beforeAll(install);
  afterAll(uninstall);

  it.each(RFC_9381_EXAMPLES)('is that of RFC 9381 for alpha "$alpha"', (example) => {
    const result = proveVrf(parseHex(example.secretKey), parseHex(example.alpha));
    expect(formatHex(vrfPublicKey(parseHex(example.secretKey)))).toBe(example.publicKey);
    expect(formatHex(result.proof)).toBe(example.proof);
    expect(formatHex(result.output)).toBe(example.output);
    expect(verifyVrf(parseHex(example.publicKey), parseHex(example.alpha), result.proof)).toEqual(result.output);
  });

  it('proves and verifies any input with any key', () => {
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(key, fc.uint8Array({ maxLength: 300 }), (secret, input) => {
        const result = proveVrf(secret, input);
        expect(verifyVrf(vrfPublicKey(secret), input, result.proof)).toEqual(result.output);
      }),
      { numRuns: 25 },
    );
  });

  it('refuses every flipped bit of a proof', () => {
    fc.assert(
      fc.property(fc.nat({ max: 8 * proof.length - 1 }), (bit) => {
        const i = Math.floor(bit / 8);
        const flipped = proof.with(i, (proof[i] as number) ^ (1 << (bit % 8)));
        expect(() => verifyVrf(publicKey, alpha, flipped)).toThrow(BAD_PROOF);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses another input, another key and another length', () => {
    expect(() => verifyVrf(publicKey, parseHex('00112234'), proof)).toThrow(BAD_PROOF);
    expect(() => verifyVrf(vrfPublicKey(parseHex('0c'.repeat(32))), alpha, proof)).toThrow(BAD_PROOF);
    expect(() => verifyVrf(publicKey, alpha, proof.subarray(0, 79))).toThrow(BAD_PROOF);
    expect(() => verifyVrf(publicKey, alpha, concatBytes(proof, Uint8Array.of(0)))).toThrow(BAD_PROOF);
  });

  it('refuses a scalar that is not reduced', () => {
    const s = littleEndian(proof.slice(48)) + Point.Fn.ORDER;
    const hex = s.toString(16).padStart(64, '0');
    const unreduced = concatBytes(proof.slice(0, 48), parseHex(hex).toReversed());
    expect(() => verifyVrf(publicKey, alpha, unreduced)).toThrow(BAD_PROOF);
  });

  it('refuses a Gamma that is not canonical or not on the curve', () => {
    for (const gamma of [...NON_CANONICAL_POINTS, NOT_ON_CURVE]) {
      expect(() => verifyVrf(publicKey, alpha, concatBytes(gamma, proof.slice(32)))).toThrow(BAD_PROOF);
    }
  });

  it('refuses scalars of zero without falling over them', () => {
    const zeros = new Uint8Array(48);
    expect(() => verifyVrf(publicKey, alpha, concatBytes(proof.slice(0, 32), zeros))).toThrow(BAD_PROOF);
    const identity = SMALL_ORDER_POINTS[0] as Uint8Array;
    expect(() => verifyVrf(publicKey, alpha, concatBytes(identity, zeros))).toThrow(BAD_PROOF);
  });

  it('gives one output for one input, also to a dishonest holder of the key', () => {
    for (const torsion of SMALL_ORDER_POINTS) {
      const crooked = proveWithTorsion(torsion);
      expect(verifyVrf(publicKey, alpha, crooked)).toEqual(output);
    }
  });
});

describe.each(VERIFIERS)('VRF public keys by $verifier', ({ install, uninstall }) => {
  beforeAll(install);
  afterAll(uninstall);

  it.each([...SMALL_ORDER_POINTS, ...NON_CANONICAL_POINTS, NOT_ON_CURVE].map(formatHex))('refuse %s', (hex) => {
    expect(() => assertVrfPublicKey(parseHex(hex))).toThrow(BAD_KEY);
    expect(() => verifyVrf(parseHex(hex), alpha, proof)).toThrow(BAD_KEY);
  });

  it('have 32 bytes', () => {
    expect(() => assertVrfPublicKey(publicKey.subarray(1))).toThrow(BAD_KEY);
    expect(() => assertVrfPublicKey(concatBytes(publicKey, Uint8Array.of(0)))).toThrow(BAD_KEY);
    expect(() => expandVrfSecret(new Uint8Array(31))).toThrow(BAD_KEY);
    assertVrfPublicKey(publicKey);
  });
});
