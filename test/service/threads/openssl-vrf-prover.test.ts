import { p256 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { p256VrfPublicKey, proveP256Vrf, verifyP256Vrf } from '../../../src/core/crypto/vrf-p256.ts';
import { opensslVrfProver } from '../../../src/service/threads/openssl-vrf-prover.ts';

const ORDER = p256.Point.Fn.ORDER;

function secretOf(scalar: bigint): Uint8Array {
  return new Uint8Array(Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex'));
}

const secretKeys = fc.bigInt({ min: 2n, max: ORDER - 2n }).map(secretOf);

describe('the OpenSSL VRF prover', () => {
  it('gives what noble gives, bit for bit', async () => {
    const inputs = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(secretKeys, inputs, async (secretKey, batch) => {
        const prover = opensslVrfProver(secretKey);
        const results = await prover.prove(batch);
        for (const [i, input] of batch.entries()) {
          expect(results[i]).toEqual(proveP256Vrf(secretKey, input));
        }
      }),
      { numRuns: 15 },
    );
  });

  it.each([2n, 3n, ORDER - 3n, ORDER - 2n])('proves with the extreme key %s', async (scalar) => {
    const secretKey = secretOf(scalar);
    const prover = opensslVrfProver(secretKey);
    expect(prover.publicKey).toEqual(p256VrfPublicKey(secretKey));
    const [result] = await prover.prove([new Uint8Array(3)]);
    expect(result).toEqual(proveP256Vrf(secretKey, new Uint8Array(3)));
  });

  it.each([0n, 1n, ORDER - 1n, ORDER, ORDER + 1n])('refuses the key %s', (scalar) => {
    expect(() => opensslVrfProver(secretOf(scalar))).toThrow(expect.objectContaining({ code: 'bad-key' }));
  });

  it('answers a batch longer than one turn of the event loop, in order, and lets other work run', async () => {
    let turns = 0;
    let proving = true;
    const count = (): void => {
      turns += 1;
      if (proving) setImmediate(count);
    };
    setImmediate(count);
    const inputs = Array.from({ length: 40 }, (_, i) => Uint8Array.of(i));
    const prover = opensslVrfProver(secretOf(77n));
    const results = await prover.prove(inputs);
    proving = false;
    expect(turns).toBeGreaterThanOrEqual(4);
    expect(results).toHaveLength(40);
    for (const i of [0, 8, 39]) {
      const { proof, output } = results[i]!;
      expect(verifyP256Vrf(prover.publicKey, Uint8Array.of(i), proof)).toEqual(output);
    }
  });
});
