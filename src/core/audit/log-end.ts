import { verifyEd25519 } from '../crypto/ed25519-strict.ts';
import { sha256 } from '../crypto/sha256.ts';
import { concatBytes, encodeUtf8, equalBytes } from '../encoding/bytes.ts';
import {
  bytes,
  type Codec,
  decode,
  encode,
  enumeration,
  fixedBytes,
  optional,
  struct,
  uint64,
} from '../encoding/codec.ts';
import { decodeError, ensure, GlasskeyError, isGlasskeyError } from '../errors.ts';
import type { PrefixLeaf } from '../keytrans/proofs.ts';

/** The log that continues an ended log, and all that a client needs to trust it. */
export interface Successor {
  /** The successor's origin. */
  readonly origin: string;
  /** Its URL; empty if its bundle names none. */
  readonly url: string;
  /** The SHA-256 of its trust bundle as it was then, 32 bytes, for people to compare. */
  readonly fingerprint: Uint8Array;
  /** The Ed25519 key that signs its later bundles, 32 bytes. */
  readonly bundleKey: Uint8Array;
}

/** The statement that a log has ended, which the log's last entry commits to. */
export interface LogEnd {
  readonly format: 1;
  /** The log's origin. */
  readonly origin: string;
  /** The position of the last entry. */
  readonly position: number;
  /** The reason, for people; printable ASCII. */
  readonly reason: string;
  readonly successor: Successor | undefined;
}

/**
 * A LogEnd with the signature of the log's bundle key. That key is offline, so the server's own keys cannot make one.
 */
export interface SignedLogEnd {
  readonly end: LogEnd;
  /** Ed25519, over "glasskey log end v1" || 0x00 || LogEnd. */
  readonly signature: Uint8Array;
}

const CONTEXT = encodeUtf8('glasskey log end v1\0');

/**
 * The search key of the leaf that ends a log, the same in every log. It is the SHA-256 of the context string, which no
 * VRF can be made to output. Every reader of an AuditorUpdate sees it; to a reader that does not know it, the leaf
 * looks like any other.
 */
export const LOG_END_KEY: Uint8Array = sha256(CONTEXT);

/** The path of the SignedLogEnd, below the log's prefix. */
export const LOG_END_FILE = 'end';

/** The greatest length of an encoded SignedLogEnd, in bytes. */
export const MAX_LOG_END_BYTES = 2048;

const logEndCodec: Codec<LogEnd> = struct<LogEnd>({
  format: enumeration([1]),
  origin: printable(1, 255),
  position: uint64,
  reason: printable(0, 255),
  successor: optional(
    struct<Successor>({
      origin: printable(1, 255),
      url: printable(0, 1024),
      fingerprint: fixedBytes(32),
      bundleKey: fixedBytes(32),
    }),
  ),
});

/** The encoding of {@link SignedLogEnd}, which `/log/end` serves. */
export const signedLogEndCodec: Codec<SignedLogEnd> = struct<SignedLogEnd>({
  end: logEndCodec,
  signature: fixedBytes(64),
});

/** Signs the end of a log with its bundle key. */
export async function signLogEnd(
  end: LogEnd,
  sign: (message: Uint8Array) => Promise<Uint8Array>,
): Promise<SignedLogEnd> {
  return { end, signature: await sign(message(end)) };
}

/** Builds the leaf that ends a log: {@link LOG_END_KEY}, with the SHA-256 of the encoded LogEnd as its commitment. */
export function logEndLeaf(end: LogEnd): PrefixLeaf {
  return { vrfOutput: LOG_END_KEY, commitment: sha256(encode(logEndCodec, end)) };
}

/** Finds the leaf that ends the log among those that an entry adds. */
export function findLogEndLeaf(added: readonly PrefixLeaf[]): PrefixLeaf | undefined {
  return added.find(({ vrfOutput }) => equalBytes(vrfOutput, LOG_END_KEY));
}

/**
 * Verifies an untrusted SignedLogEnd: the bundle key of the log `origin` says that the log ends at the entry
 * `position`, and that entry's leaf commits to the statement. Throws `bad-log-end`.
 */
export function verifyLogEnd(
  encoded: Uint8Array,
  trusted: { readonly origin: string; readonly bundleKey: Uint8Array },
  entry: { readonly position: number; readonly leaf: PrefixLeaf | undefined },
): LogEnd {
  try {
    const { end, signature } = decode(signedLogEndCodec, encoded);
    verifyEd25519(trusted.bundleKey, message(end), signature);
    ensure(end.origin === trusted.origin, 'bad-log-end', 'it belongs to another log');
    ensure(end.position === entry.position, 'bad-log-end', `it names entry ${end.position} as the last one`);
    const { commitment } = logEndLeaf(end);
    const isBound = entry.leaf !== undefined && equalBytes(entry.leaf.commitment, commitment);
    ensure(isBound, 'bad-log-end', `log entry ${entry.position} does not commit to it`);
    return end;
  } catch (cause) {
    if (!isGlasskeyError(cause)) throw cause;
    throw new GlasskeyError('bad-log-end', `the end of the log does not verify: ${cause.message}`, { cause });
  }
}

function message(end: LogEnd): Uint8Array {
  return concatBytes(CONTEXT, encode(logEndCodec, end));
}

/** A text of printable ASCII, because it is shown to people. */
function printable(minimum: number, maximum: number): Codec<string> {
  const raw = bytes(minimum, maximum);
  return {
    write: (writer, value) => {
      ensure(/^[\x20-\x7e]*$/.test(value), 'value-out-of-range', 'the text is not printable ASCII');
      raw.write(writer, encodeUtf8(value));
    },
    read: (reader) => {
      const text = String.fromCharCode(...raw.read(reader));
      if (!/^[\x20-\x7e]*$/.test(text)) throw decodeError('the text is not printable ASCII');
      return text;
    },
  };
}
