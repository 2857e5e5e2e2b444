import { installEd25519Check } from '../core/crypto/ed25519-strict.ts';
import { installVrfCheck, type VrfCheck } from '../core/crypto/vrf-ed25519.ts';
import { installNativeHashes } from './native-hashes.ts';
import { opensslEd25519Check } from './openssl-ed25519-check.ts';
import { loadSodium } from './sodium.ts';
import { sodiumVrfCheck } from './sodium-vrf-check.ts';

/**
 * Makes this thread hash and verify with Node's OpenSSL, and verify VRF proofs with libsodium where `sodium-native` is
 * installed: a lookup costs a third of the time. Results are the same for every input, because what they do not accept
 * is judged by noble. Programs call it once at start.
 */
export function useNativeCrypto(): void {
  installNativeHashes();
  installEd25519Check(opensslEd25519Check);
  installVrfCheck((publicKey, alpha, proof) => {
    vrfCheck ??= nativeVrfCheck();
    return vrfCheck(publicKey, alpha, proof);
  });
}

/** Loaded with the first proof: most commands see none. */
let vrfCheck: VrfCheck | undefined;

function nativeVrfCheck(): VrfCheck {
  const sodium = loadSodium();
  return sodium === undefined ? () => undefined : sodiumVrfCheck(sodium);
}
