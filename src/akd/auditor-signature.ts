import { verifyEd25519 } from '../core/crypto/ed25519-strict.ts';
import { concatBytes, encodeUtf8 } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { bytesTag, varintTag } from './protobuf-cursor.ts';

/** The statement that the published auditor of a log signs about one epoch. */
export interface SignedEpoch {
  /** The encoding of the message: 1 is protobuf, 2 is bincode; Ed25519 signs both. */
  readonly ciphersuite: number;
  /** The auditor's name of the log, at most 256 bytes. */
  readonly namespace: string;
  /** When the auditor was asked, ms since 1970. */
  readonly timestampMs: number;
  readonly epoch: number;
  /** Root hash of the epoch, 32 bytes. */
  readonly digest: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

const PROTOBUF = 1;
const BINCODE = 2;

/** Most bytes of a namespace. */
export const MAX_NAMESPACE_BYTES = 256;

/**
 * Verifies an untrusted signature of an auditor that signs as Cloudflare's does (`plexi_core`), by its key of 32 bytes.
 * Throws `bad-key`, `bad-signature`, or `unsupported-suite` for an encoding that is neither of the two.
 */
export function verifySignedEpoch(publicKey: Uint8Array, signed: SignedEpoch): void {
  verifyEd25519(publicKey, signedMessage(signed), signed.signature);
}

/** Returns the bytes that an auditor signs. Throws `unsupported-suite`, `value-out-of-range`. */
export function signedMessage(signed: Omit<SignedEpoch, 'signature'>): Uint8Array {
  const namespace = encodeUtf8(signed.namespace);
  const isInRange = [signed.timestampMs, signed.epoch].every((value) => Number.isSafeInteger(value) && value >= 0);
  const isSized = namespace.length <= MAX_NAMESPACE_BYTES && signed.digest.length === 32;
  ensure(isInRange && isSized, 'value-out-of-range', 'an auditor signed a time, epoch, name or digest out of range');
  if (signed.ciphersuite === PROTOBUF) return protobufMessage(signed, namespace);
  if (signed.ciphersuite === BINCODE) return bincodeMessage(signed, namespace);
  throw new GlasskeyError('unsupported-suite', 'the auditor signs with a ciphersuite that is not 1 or 2');
}

type Unsigned = Omit<SignedEpoch, 'signature'>;

/** The message `SignatureMessage`, with its five fields in order. */
function protobufMessage({ ciphersuite, timestampMs, epoch, digest }: Unsigned, namespace: Uint8Array): Uint8Array {
  const inner = concatBytes(varint(varintTag(1)), varint(epoch));
  return concatBytes(
    varint(varintTag(1)),
    varint(ciphersuite),
    field(2, namespace),
    varint(varintTag(3)),
    varint(timestampMs),
    field(4, inner),
    field(5, digest),
  );
}

function field(number: number, content: Uint8Array): Uint8Array {
  return concatBytes(varint(bytesTag(number)), varint(content.length), content);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** The same in bincode's older form: numbers of a fixed width, little-endian, and lengths of 8 bytes. */
function bincodeMessage({ ciphersuite, timestampMs, epoch, digest }: Unsigned, namespace: Uint8Array): Uint8Array {
  return concatBytes(
    littleEndian(ciphersuite, 4),
    littleEndian(namespace.length, 8),
    namespace,
    littleEndian(timestampMs, 8),
    littleEndian(epoch, 8),
    littleEndian(digest.length, 8),
    digest,
  );
}

function littleEndian(value: number, width: number): Uint8Array {
  const bytes = new Uint8Array(width);
  for (let i = 0, rest = value; i < width; i++, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  return bytes;
}
