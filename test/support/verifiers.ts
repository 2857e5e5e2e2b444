import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { installEd25519Check } from '../../src/core/crypto/ed25519-strict.ts';
import { installSha256 } from '../../src/core/crypto/sha256.ts';
import { installSha512 } from '../../src/core/crypto/sha512.ts';
import { installVrfCheck } from '../../src/core/crypto/vrf-ed25519.ts';
import { useNativeCrypto } from '../../src/native/native-crypto.ts';

/** Makes this process hash and verify with noble alone again, as every process begins. */
export function useNoble(): void {
  installSha256(sha256);
  installSha512(sha512);
  installEd25519Check(() => false);
  installVrfCheck(() => undefined);
}

/** Everything that verifies, which must judge every input alike. Tests `install` one, and `useNoble` afterwards. */
export const VERIFIERS = [
  { verifier: 'noble', install: useNoble, uninstall: useNoble },
  { verifier: 'OpenSSL and libsodium', install: useNativeCrypto, uninstall: useNoble },
] as const;
