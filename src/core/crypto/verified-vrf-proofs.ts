import { formatHex } from '../encoding/bytes.ts';
import { RecentCache } from '../recent-cache.ts';

/** Returns the output that a VRF proof proves. Throws for a proof that does not verify. */
type VerifyVrf = (publicKey: Uint8Array, input: Uint8Array, proof: Uint8Array) => Uint8Array;

/**
 * Returns `verify` with a memory of proofs that verified: a proof takes about 2 ms, and whoever asks about the same
 * name again is shown the same proofs. Verification depends on nothing but key, input and proof, and a hit requires
 * that all three are equal in every bit. Refused proofs are not remembered. `capacity` bounds the characters of what is
 * remembered, about 400 a proof.
 */
export function rememberVrfProofs(verify: VerifyVrf, capacity: number): VerifyVrf {
  const outputs = new RecentCache<{ readonly name: string; readonly output: Uint8Array }>(
    capacity,
    ({ name }) => name.length,
  );
  return (publicKey, input, proof) => {
    const name = [publicKey, input, proof].map(formatHex).join(' ');
    const known = outputs.get(name);
    if (known !== undefined) return known.output.slice();
    const output = verify(publicKey, input, proof);
    // A copy, because the caller may write into its own.
    outputs.set(name, { name, output: output.slice() });
    return output;
  };
}
