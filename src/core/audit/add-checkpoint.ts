import { formatBase64, parseBase64 } from '../encoding/bytes.ts';
import { ensure, GlasskeyError } from '../errors.ts';
import { MAX_NOTE_BYTES } from './note.ts';

/** Most hashes of a consistency proof (c2sp.org/tlog-witness). */
export const MAX_CONSISTENCY_HASHES = 63;
/** Media type of the size that a witness answers with 409. */
export const TLOG_SIZE_MEDIA_TYPE = 'text/x.tlog.size';

/** What a log asks a witness to cosign (c2sp.org/tlog-witness, `add-checkpoint`). */
export interface AddCheckpoint {
  /** Size of the checkpoint that the witness cosigned last, as the log believes; 0: none. */
  readonly oldSize: number;
  /** The consistency proof from there (RFC 6962 §2.1.2): hashes of 32 bytes. */
  readonly proof: readonly Uint8Array[];
  /** The signed checkpoint: a note. */
  readonly checkpoint: string;
}

/** The body of the request. */
export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): string {
  return [`old ${oldSize}`, ...proof.map((hash) => formatBase64(hash)), '', checkpoint].join('\n');
}

/** Parses the untrusted body of a request; the checkpoint is not looked at. Throws `invalid-request`. */
export function parseAddCheckpoint(text: string): AddCheckpoint {
  ensure(text.length <= 2 * MAX_NOTE_BYTES, 'invalid-request', 'the request is too long');
  const end = text.indexOf('\n\n');
  ensure(end >= 0, 'invalid-request', 'no empty line before the checkpoint');
  const [first = '', ...hashes] = text.slice(0, end).split('\n');
  const [, digits = ''] = /^old (0|[1-9][0-9]{0,15})$/.exec(first) ?? [];
  ensure(digits !== '' && Number.isSafeInteger(Number(digits)), 'invalid-request', 'not an old size line');
  ensure(hashes.length <= MAX_CONSISTENCY_HASHES, 'invalid-request', 'the proof has too many hashes');
  return { oldSize: Number(digits), proof: hashes.map(parseHash), checkpoint: text.slice(end + 2) };
}

function parseHash(line: string): Uint8Array {
  try {
    const hash = parseBase64(line);
    if (hash.length === 32) return hash;
  } catch (cause) {
    throw new GlasskeyError('invalid-request', 'a line of the proof is not base64', { cause });
  }
  throw new GlasskeyError('invalid-request', 'a hash of the proof has not 32 bytes');
}

/** Parses the untrusted size in a witness's answer 409. Throws `bad-response`. */
export function parseTlogSize(text: string): number {
  const [, digits = ''] = /^(0|[1-9][0-9]{0,15})\n$/.exec(text) ?? [];
  ensure(digits !== '' && Number.isSafeInteger(Number(digits)), 'bad-response', 'the witness answered with no size');
  return Number(digits);
}
