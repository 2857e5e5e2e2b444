import {
  bytes,
  type Codec,
  decode,
  encode,
  enumeration,
  fixedBytes,
  optional,
  struct,
  vector,
} from '../core/encoding/codec.ts';
import { type Authorization, authorizationCodec } from './authorization.ts';
import { type Evidence, evidenceCodec } from './evidence.ts';

/** A waiting recovery: the future key and its evidence. */
export interface Pending {
  /** SHA-256 of the SubjectPublicKeyInfo, or the key's name with its companion keys (`certifiedKeysHash`). */
  readonly spkiSha256: Uint8Array;
  readonly evidence: Evidence;
}

/** The value of a label at one version (`docs/spec.md#identity-record`). */
export interface IdentityRecord {
  /** KEYTRANS commitment of the version before; zeros at version 0. */
  readonly previousCommitment: Uint8Array;
  /** DER certificates that are valid from this version on, oldest first. */
  readonly certificates: readonly Uint8Array[];
  readonly pending: Pending | undefined;
  readonly authorization: Authorization;
}

/** `previous_commitment` of version 0. */
export const NO_COMMITMENT: Uint8Array = new Uint8Array(32);

/** Most certificates in one record. */
export const MAX_CERTIFICATES = 255;

/** Codec of {@link Pending}. Throws `malformed-encoding`. */
export const pendingCodec: Codec<Pending> = struct<Pending>({ spkiSha256: fixedBytes(32), evidence: evidenceCodec });
const formatCodec = enumeration([1]);
const fieldsCodec = struct<IdentityRecord>({
  previousCommitment: fixedBytes(32),
  certificates: vector(bytes(1, 0xffff), 0, MAX_CERTIFICATES),
  pending: optional(pendingCodec),
  authorization: authorizationCodec,
});

/** Codec of {@link IdentityRecord}, format 1. Reading untrusted bytes throws `malformed-encoding`. */
export const identityRecordCodec: Codec<IdentityRecord> = {
  write: (writer, record) => {
    formatCodec.write(writer, 1);
    fieldsCodec.write(writer, record);
  },
  read: (reader) => {
    formatCodec.read(reader);
    return fieldsCodec.read(reader);
  },
};

/** Encodes `record` as the bytes that the log commits to. Throws `value-out-of-range`. */
export function encodeIdentityRecord(record: IdentityRecord): Uint8Array {
  return encode(identityRecordCodec, record);
}

/** Decodes an untrusted record. Throws `malformed-encoding`. */
export function decodeIdentityRecord(value: Uint8Array): IdentityRecord {
  return decode(identityRecordCodec, value);
}
