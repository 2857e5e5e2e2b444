import { type CipherSuite, KT_128_SHA256_P256 } from '../../core/crypto/cipher-suite.ts';
import type { VrfProver } from '../../core/crypto/vrf-prover.ts';
import { opensslVrfProver } from './openssl-vrf-prover.ts';
import { sodiumVrfProver } from './sodium-vrf-prover.ts';

/** Returns the fastest VRF prover of a cipher suite in this thread. `secretKey` is 32 bytes. Throws `bad-key`. */
export function nativeVrfProver(suiteId: CipherSuite['id'], secretKey: Uint8Array): VrfProver {
  return suiteId === KT_128_SHA256_P256 ? opensslVrfProver(secretKey) : sodiumVrfProver(secretKey);
}
