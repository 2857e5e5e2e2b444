import { sha256 } from '../crypto/sha256.ts';
import { encodeUtf8, formatBase64, formatHex, parseBase64 } from '../encoding/bytes.ts';
import { ensure, GlasskeyError } from '../errors.ts';
import { MAX_NOTE_BYTES } from './note.ts';

/** The greatest number of hashes in a consistency proof (c2sp.org/tlog-witness). */
export const MAX_CONSISTENCY_HASHES = 63;
/** The media type of the size in a witness's 409 answer. */
export const TLOG_SIZE_MEDIA_TYPE = 'text/x.tlog.size';

/** A log's request that a witness cosign a checkpoint (c2sp.org/tlog-witness, `add-checkpoint`). */
export interface AddCheckpoint {
  /** The size of the checkpoint that the witness cosigned last, as the log believes; 0 for none. */
  readonly oldSize: number;
  /** The consistency proof from `oldSize` (RFC 6962 §2.1.2): hashes of 32 bytes. */
  readonly proof: readonly Uint8Array[];
  /** The signed checkpoint: a note. */
  readonly checkpoint: string;
}

/** Returns a log's name in paths: the SHA-256 of its origin in lower-case hexadecimal (c2sp.org/tlog-witness). */
export function originHash(origin: string): string {
  return formatHex(sha256(encodeUtf8(origin)));
}

/** Formats the body of the request. */
export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): string {
  return [`old ${oldSize}`, ...proof.map((hash) => formatBase64(hash)), '', checkpoint].join('\n');
}

/** Parses the untrusted body of a request, but not the checkpoint in it. Throws `invalid-request`. */
export function parseAddCheckpoint(text: string): AddCheckpoint {
  ensure(text.length <= 2 * MAX_NOTE_BYTES, 'invalid-request', 'the request is too long');
  const end = text.indexOf('\n\n');
  ensure(end >= 0, 'invalid-request', 'no empty line before the checkpoint');
  const [first = '', ...hashes] = text.slice(0, end).split('\n');
  const [, digits = ''] = /^old (0|[1-9][0-9]{0,15})$/.exec(first) ?? [];
  ensure(digits !== '' && Number.isSafeInteger(Number(digits)), 'invalid-request', 'not an old size line');
  ensure(hashes.length <= MAX_CONSISTENCY_HASHES, 'invalid-request', 'the proof has too many hashes');
  return { oldSize: Number(digits), proof: hashes.map(parseProofHash), checkpoint: text.slice(end + 2) };
}

/** Parses an untrusted line with a hash of 32 bytes in base64. Throws `invalid-request`. */
export function parseProofHash(line: string): Uint8Array {
  try {
    const hash = parseBase64(line);
    if (hash.length === 32) return hash;
  } catch (cause) {
    throw new GlasskeyError('invalid-request', 'a line of the proof is not base64', { cause });
  }
  throw new GlasskeyError('invalid-request', 'a hash of the proof is not 32 bytes');
}

/** Parses the untrusted size in a witness's 409 answer. Throws `bad-response`. */
export function parseTlogSize(text: string): number {
  const [, digits = ''] = /^(0|[1-9][0-9]{0,15})\n$/.exec(text) ?? [];
  ensure(
    digits !== '' && Number.isSafeInteger(Number(digits)),
    'bad-response',
    'the witness did not answer with a size',
  );
  return Number(digits);
}
