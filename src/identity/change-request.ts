import { compareBytes, concatBytes, encodeUtf8 } from '../core/encoding/bytes.ts';
import { bytes, type Codec, fixedBytes, struct, uint32, vector } from '../core/encoding/codec.ts';
import { decodeError, GlasskeyError } from '../core/errors.ts';
import { shortText } from './text-codec.ts';

/**
 * The request that the owner of an identity signs to change it (`docs/spec.md#change-requests`). It states everything
 * that the next version changes.
 */
export interface ChangeRequest {
  /** The log's origin, as in the trust bundle: 1..255 bytes of UTF-8. */
  readonly origin: string;
  /** The KEYTRANS label: 1..255 bytes. */
  readonly label: Uint8Array;
  /** The version that this change makes. */
  readonly version: number;
  /** KEYTRANS commitment of `version - 1`: 32 bytes. */
  readonly previousCommitment: Uint8Array;
  /**
   * Each key that stays or is added, named by `certifiedKeysHash`: SHA-256 of its SubjectPublicKeyInfo, or of that and
   * its companion keys. Strictly ascending, at most 255.
   */
  readonly spkisAfter: readonly Uint8Array[];
}

/** A ChangeRequest in transit: its encoding, its signer, and the signature over {@link changeMessage}. */
export interface SignedChange {
  /** The encoded {@link ChangeRequest}. */
  readonly request: Uint8Array;
  /** SHA-256 of the signer's SubjectPublicKeyInfo. */
  readonly signer: Uint8Array;
  /** By the signer's key: ECDSA with its curve's hash as DER, or Ed25519, or RSA, or ML-DSA. */
  readonly signature: Uint8Array;
}

const CONTEXT = encodeUtf8('glasskey change v1\0');

const spkiHashes = vector(fixedBytes(32), 0, 255);

/** A set of SHA-256 values in strictly ascending order, so that each set has one encoding. */
const spkiHashSet: Codec<readonly Uint8Array[]> = {
  write: (writer, values) => {
    if (!isAscending(values)) throw new GlasskeyError('value-out-of-range', 'SPKI hashes are not strictly ascending');
    spkiHashes.write(writer, values);
  },
  read: (reader) => {
    const values = spkiHashes.read(reader);
    if (!isAscending(values)) throw decodeError('SPKI hashes are not strictly ascending');
    return values;
  },
};

/** Codec of {@link ChangeRequest} (`docs/spec.md#change-requests`). Throws `malformed-encoding` on untrusted bytes. */
export const changeRequestCodec: Codec<ChangeRequest> = struct<ChangeRequest>({
  origin: shortText,
  label: bytes(1, 255),
  version: uint32,
  previousCommitment: fixedBytes(32),
  spkisAfter: spkiHashSet,
});

/** Returns the bytes to sign for an encoded {@link ChangeRequest}: "glasskey change v1" || 0x00 || request. */
export function changeMessage(encodedRequest: Uint8Array): Uint8Array {
  return concatBytes(CONTEXT, encodedRequest);
}

/** Returns the hashes as a set: ascending, each once, as in {@link ChangeRequest.spkisAfter}. */
export function sortedHashSet(hashes: readonly Uint8Array[]): readonly Uint8Array[] {
  const sorted = [...hashes].sort(compareBytes);
  return sorted.filter((hash, i) => {
    const before = sorted[i - 1];
    return before === undefined || compareBytes(before, hash) !== 0;
  });
}

function isAscending(values: readonly Uint8Array[]): boolean {
  return values.every((value, i) => {
    const before = values[i - 1];
    return before === undefined || compareBytes(before, value) < 0;
  });
}
