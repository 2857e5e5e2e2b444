import { cosignatureSigner, type NoteCosigner } from '../../../src/core/audit/cosignature.ts';
import { mlDsaSigner } from '../../../src/core/crypto/ml-dsa.ts';
import { testSigner } from './test-signer.ts';

/** An Ed25519 cosigner of the secret key `seed`, 32 times. For tests only. */
export function testCosigner(name: string, seed: number): NoteCosigner {
  return cosignatureSigner(name, testSigner(seed));
}

/** The same with ML-DSA-44. */
export function testMlDsaCosigner(name: string, seed: number): NoteCosigner {
  return cosignatureSigner(name, mlDsaSigner(new Uint8Array(32).fill(seed)));
}
