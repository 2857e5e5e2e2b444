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
import { decodeError, ensure } from '../core/errors.ts';
import {
  type Authorization,
  authorizationCodec,
  MAX_SIGNATURE_FORMAT_1,
  MAX_SIGNATURE_FORMAT_2,
} from './authorization.ts';
import { type Evidence, evidenceCodec } from './evidence.ts';

/** A waiting recovery: the future key and its evidence. */
export interface Pending {
  /** SHA-256 of the SubjectPublicKeyInfo, or the key's name with its companion keys (`certifiedKeysHash`). */
  readonly spkiSha256: Uint8Array;
  readonly evidence: Evidence;
}

/** The value of a label at one version (`docs/spec.md#identity-record`). */
export interface IdentityRecord {
  /** The format. 2 has longer signatures and certificates of ML-DSA keys, and stands for one of them. Default: 1. */
  readonly format?: 2 | undefined;
  /** KEYTRANS commitment of the version before; zeros at version 0. */
  readonly previousCommitment: Uint8Array;
  /** DER certificates that are valid from this version on, oldest first. */
  readonly certificates: readonly Uint8Array[];
  readonly pending: Pending | undefined;
  readonly authorization: Authorization;
}

/** `previous_commitment` of version 0. */
export const NO_COMMITMENT: Uint8Array = new Uint8Array(32);

/**
 * Most bytes of a record that a server makes, and of any record of format 2. A log from before this bound may hold a
 * longer one of format 1.
 */
export const MAX_RECORD_BYTES = 512 * 1024;

/** Most certificates in one record. */
export const MAX_CERTIFICATES = 255;

/** Codec of {@link Pending}. Throws `malformed-encoding`. */
export const pendingCodec: Codec<Pending> = struct<Pending>({ spkiSha256: fixedBytes(32), evidence: evidenceCodec });
const formatCodec = enumeration([1, 2]);
const FIELDS = { 1: fieldsCodec(MAX_SIGNATURE_FORMAT_1), 2: fieldsCodec(MAX_SIGNATURE_FORMAT_2) } as const;

/** Codec of {@link IdentityRecord} in both formats. Reading untrusted bytes throws `malformed-encoding`. */
export const identityRecordCodec: Codec<IdentityRecord> = {
  write: (writer, record) => {
    const { format = 1, ...fields } = record;
    formatCodec.write(writer, format);
    FIELDS[format].write(writer, fields);
  },
  read: (reader) => {
    if (formatCodec.read(reader) === 1) return FIELDS[1].read(reader);
    return { format: 2, ...FIELDS[2].read(reader) };
  },
};

function fieldsCodec(maxSignature: number): Codec<Omit<IdentityRecord, 'format'>> {
  return struct<Omit<IdentityRecord, 'format'>>({
    previousCommitment: fixedBytes(32),
    certificates: vector(bytes(1, 0xffff), 0, MAX_CERTIFICATES),
    pending: optional(pendingCodec),
    authorization: authorizationCodec(maxSignature),
  });
}

/** Encodes `record` as the bytes that the log commits to. Throws `value-out-of-range`, also for a long one. */
export function encodeIdentityRecord(record: IdentityRecord): Uint8Array {
  const value = encode(identityRecordCodec, record);
  const fits = record.format === undefined || value.length <= MAX_RECORD_BYTES;
  ensure(fits, 'value-out-of-range', `a record has at most ${MAX_RECORD_BYTES} bytes`);
  return value;
}

/** Decodes an untrusted record; one of format 2 has at most 512 KiB. Throws `malformed-encoding`. */
export function decodeIdentityRecord(value: Uint8Array): IdentityRecord {
  const isLong = value[0] === 2 && value.length > MAX_RECORD_BYTES;
  if (isLong) throw decodeError(`a record of more than ${MAX_RECORD_BYTES} bytes`);
  return decode(identityRecordCodec, value);
}
