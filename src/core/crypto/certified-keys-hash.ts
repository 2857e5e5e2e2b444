import { concatBytes, encodeUtf8 } from '../encoding/bytes.ts';
import { sha256 } from './sha256.ts';

const CONTEXT = encodeUtf8('glasskey companion keys v1\0');

/**
 * Hashes all keys that a certificate certifies, so that no change among them passes unseen
 * (docs/spec.md#identity-record). The hash is SHA-256 of the SPKI. With companion keys it is SHA-256 of "glasskey
 * companion keys v1" || 0x00 || SHA-256(SPKI) || SHA-256(companion keys). `companions` is the DER value of the
 * companion keys extension, which has one encoding.
 */
export function certifiedKeysHash(spki: Uint8Array, companions: Uint8Array | undefined): Uint8Array {
  const own = sha256(spki);
  return companions === undefined ? own : sha256(concatBytes(CONTEXT, own, sha256(companions)));
}
