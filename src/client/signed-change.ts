import { encode } from '../core/encoding/codec.ts';
import { sha256 } from '../core/crypto/sha256.ts';
import { changeMessage, changeRequestCodec, type SignedChange, sortedHashSet } from '../identity/change-request.ts';
import type { HeldVersion } from '../identity/continuity.ts';
import type { ClientKey } from './client-key.ts';

/**
 * Returns a change of an identity's keys, signed by `signer`, a key that `previous` certifies
 * (docs/spec.md#change-requests). `keysAfter` names every key that remains or arrives, by `certifiedKeysHash`.
 */
export async function signChange(
  context: { readonly origin: string; readonly label: Uint8Array; readonly previous: HeldVersion },
  keysAfter: readonly Uint8Array[],
  signer: ClientKey,
): Promise<SignedChange> {
  const request = encode(changeRequestCodec, {
    origin: context.origin,
    label: context.label,
    version: context.previous.version + 1,
    previousCommitment: context.previous.commitment,
    spkisAfter: sortedHashSet(keysAfter),
  });
  return { request, signer: sha256(signer.spki), signature: await signer.sign(changeMessage(request)) };
}
