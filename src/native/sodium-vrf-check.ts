import { vrfChallenge, type VrfCheck, vrfOutput } from '../core/crypto/vrf-ed25519.ts';
import { equalBytes } from '../core/encoding/bytes.ts';
import { clearCofactor, encodeToCurve, multiply, multiplyBase, type Sodium, subtract } from './sodium.ts';

/**
 * Returns a {@link VrfCheck} on libsodium, about four times faster than noble. libsodium multiplies only canonical
 * points of the prime-order subgroup, and never to zero, so it judges fewer proofs than RFC 9381 accepts; those that
 * it computes, it computes exactly.
 */
export function sodiumVrfCheck(sodium: Sodium): VrfCheck {
  return (publicKey, alpha, { gamma, challenge, scalar }) => {
    try {
      const point = encodeToCurve(sodium, publicKey, alpha);
      const c = Buffer.alloc(32);
      c.set(challenge);
      const u = subtract(sodium, multiplyBase(sodium, scalar), multiply(sodium, c, publicKey));
      const v = subtract(sodium, multiply(sodium, scalar, point), multiply(sodium, c, gamma));
      const expected = vrfChallenge([publicKey, point, gamma, u, v]);
      return equalBytes(challenge, expected) ? vrfOutput(clearCofactor(sodium, gamma)) : undefined;
    } catch {
      return undefined;
    }
  };
}
