import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { proveVrf, verifyVrf } from '../../../src/core/crypto/vrf-ed25519.ts';
import { sodiumVrfProver } from '../../../src/service/threads/sodium-vrf-prover.ts';

describe('the libsodium VRF prover', () => {
  it('runs on the native module here', () => {
    expect(createRequire(import.meta.url)('sodium-native')).toBeDefined();
  });

  it('gives what noble gives, bit for bit', async () => {
    const bytes = (maximum: number) => fc.uint8Array({ maxLength: maximum });
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
    await fc.assert(
      fc.asyncProperty(key, fc.array(bytes(300), { minLength: 1, maxLength: 3 }), async (secretKey, inputs) => {
        const prover = sodiumVrfProver(secretKey);
        const results = await prover.prove(inputs);
        for (const [i, input] of inputs.entries()) {
          const expected = proveVrf(secretKey, input);
          expect(Uint8Array.from(results[i]?.proof ?? [])).toEqual(expected.proof);
          expect(Uint8Array.from(results[i]?.output ?? [])).toEqual(expected.output);
          expect(verifyVrf(prover.publicKey, input, expected.proof)).toEqual(expected.output);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('answers a batch longer than one turn of the event loop, in order', async () => {
    const secretKey = new Uint8Array(32).fill(7);
    const inputs = Array.from({ length: 40 }, (_, i) => Uint8Array.of(i));
    const results = await sodiumVrfProver(secretKey).prove(inputs);
    expect(results).toHaveLength(40);
    expect(Uint8Array.from(results[39]?.output ?? [])).toEqual(proveVrf(secretKey, Uint8Array.of(39)).output);
  });

  it('lets other work run during a long batch', async () => {
    let turns = 0;
    let proving = true;
    const count = (): void => {
      turns += 1;
      if (proving) setImmediate(count);
    };
    setImmediate(count);
    await sodiumVrfProver(new Uint8Array(32).fill(8)).prove(Array.from({ length: 60 }, (_, i) => Uint8Array.of(i)));
    proving = false;
    expect(turns).toBeGreaterThanOrEqual(4);
  });
});
