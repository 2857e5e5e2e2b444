import { sha256 } from '../core/crypto/sha256.ts';
import { concatBytes, encodeUtf8, formatBase64Url, parseBase64Url } from '../core/encoding/bytes.ts';
import {
  bytes,
  type Codec,
  decode,
  encode,
  enumeration,
  fixedBytes,
  struct,
  uint32,
  uint64,
  vector,
} from '../core/encoding/codec.ts';
import { decodeError, ensure } from '../core/errors.ts';
import { MAX_SIGNATURE_FORMAT_2 } from '../identity/authorization.ts';
import { shortText } from '../identity/text-codec.ts';

/** A version that an owner says is theirs. */
export interface OwnersVersion {
  readonly version: number;
  /** KEYTRANS commitment of that version, 32 bytes. */
  readonly commitment: Uint8Array;
}

/** The terms on which an owner has a watcher watch a name (docs/spec.md#watch-mandates). */
export interface MandateTerms {
  /** The log's origin. */
  readonly origin: string;
  readonly label: Uint8Array;
  /** The watcher's public key, 32 bytes: a mandate for one watcher says nothing to another. */
  readonly watcher: Uint8Array;
  /** Rises from one mandate of a label to the next. */
  readonly number: number;
  /** ms since the epoch. */
  readonly expiresMs: number;
  /** {@link addressesHash} of the addresses that go with the mandate: nobody can send it on with others. */
  readonly addressesHash: Uint8Array;
  /** Versions that the owner made or accepted, ascending: at least one, at most {@link MAX_CLAIMED_VERSIONS}. */
  readonly versions: readonly OwnersVersion[];
}

/** A signed mandate. Untrusted once it was received. */
export interface Mandate extends MandateTerms {
  /** SubjectPublicKeyInfo of a key that the newest of the claimed versions certifies. */
  readonly signer: Uint8Array;
  readonly signature: Uint8Array;
}

/** Most versions in a mandate: the newest ones. */
export const MAX_CLAIMED_VERSIONS = 64;
/** Most addresses that go with a mandate. */
export const MAX_MANDATE_ADDRESSES = 8;
/** Longest text of an address, UTF-8 bytes. */
export const MAX_MANDATE_ADDRESS_BYTES = 2048;
/** Longest text of a mandate: that of 64 versions, a long name and an ML-DSA key has 12,121 characters. */
export const MAX_MANDATE_TEXT = 12_288;

const CONTEXT = encodeUtf8('glasskey watch mandate v1\0');
const ADDRESSES_CONTEXT = encodeUtf8('glasskey watch addresses v1\0');
const PREFIX = 'glasskey-mandate:';

const termsFields = {
  origin: shortText,
  label: bytes(1, 255),
  watcher: fixedBytes(32),
  number: uint64,
  expiresMs: uint64,
  addressesHash: fixedBytes(32),
  versions: vector(struct<OwnersVersion>({ version: uint32, commitment: fixedBytes(32) }), 1, MAX_CLAIMED_VERSIONS),
};
const termsCodec: Codec<MandateTerms> = struct<MandateTerms>(termsFields);
const signedCodec: Codec<Mandate & { readonly format: 1 }> = struct<Mandate & { readonly format: 1 }>({
  format: enumeration([1]),
  ...termsFields,
  signer: bytes(1, 2048),
  signature: bytes(1, MAX_SIGNATURE_FORMAT_2),
});
const addressesCodec = vector(bytes(1, MAX_MANDATE_ADDRESS_BYTES), 0, MAX_MANDATE_ADDRESSES);

/** Returns the bytes that an owner signs for a mandate (docs/spec.md#watch-mandates). Throws `value-out-of-range`. */
export function mandateMessage(terms: MandateTerms): Uint8Array {
  const { origin, label, watcher, number, expiresMs, addressesHash: hash, versions } = terms;
  assertClaims(versions);
  const encoded = encode(termsCodec, { origin, label, watcher, number, expiresMs, addressesHash: hash, versions });
  return concatBytes(CONTEXT, encoded);
}

/** Returns the hash that binds addresses, in their order, to a mandate. Throws `value-out-of-range` for too many. */
export function addressesHash(addresses: readonly string[]): Uint8Array {
  return sha256(concatBytes(ADDRESSES_CONTEXT, encode(addressesCodec, addresses.map(encodeUtf8))));
}

/** Formats a mandate as the text that an owner sends to a watcher. Throws `value-out-of-range`. */
export function formatMandate(mandate: Mandate): string {
  assertClaims(mandate.versions);
  const encoded = encode(signedCodec, { format: 1, ...mandate });
  return PREFIX + formatBase64Url(encoded);
}

/** Reads a text of {@link formatMandate}; untrusted. Throws `malformed-encoding`. */
export function parseMandate(text: string): Mandate {
  ensure(text.length <= MAX_MANDATE_TEXT, 'malformed-encoding', 'the text is too long to be a mandate');
  const match = /^glasskey-mandate:([A-Za-z0-9_-]+)$/.exec(text.trim());
  if (match === null) throw decodeError('the text is not a mandate');
  try {
    const { format: _, ...mandate } = decode(signedCodec, parseBase64Url(match[1] as string));
    assertClaims(mandate.versions);
    return mandate;
  } catch (cause) {
    throw decodeError('the text is not a mandate', cause);
  }
}

/** Throws `value-out-of-range` unless the claimed versions ascend. */
function assertClaims(versions: readonly OwnersVersion[]): void {
  const isAscending = versions.every(({ version }, i) => i === 0 || version > (versions[i - 1]?.version ?? version));
  ensure(isAscending, 'value-out-of-range', 'the versions of a mandate do not ascend');
}
