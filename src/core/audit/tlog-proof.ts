import { formatBase64, parseBase64 } from '../encoding/bytes.ts';
import { ensure, GlasskeyError } from '../errors.ts';
import { verifyCheckpoint, type VerifiedCheckpoint } from './checkpoint.ts';
import { MAX_NOTE_BYTES } from './note.ts';
import { verifyInclusion } from './rfc6962.ts';
import type { Vkey } from './vkey.ts';

const HEADER = 'c2sp.org/tlog-proof@v1';
/** A proof in a tree of 2^53-1 leaves has at most this many hashes. */
const MAX_PROOF_HASHES = 53;

/** A self-contained proof of an entry's inclusion in the tree of a checkpoint (c2sp.org/tlog-proof). */
export interface TlogProof {
  /** Unauthenticated data beside the proof; in Glasskey's proofs the AuditEntry. */
  readonly extra: Uint8Array | undefined;
  /** The entry's index in the log. */
  readonly index: number;
  /** The hashes from the leaf's sibling up to the root's child. */
  readonly inclusion: readonly Uint8Array[];
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: string;
}

/** Formats a proof as text. */
export function formatTlogProof(proof: TlogProof): string {
  const extra = proof.extra === undefined ? [] : [`extra ${formatBase64(proof.extra)}`];
  const hashes = proof.inclusion.map((hash) => formatBase64(hash));
  return [HEADER, ...extra, `index ${proof.index}`, ...hashes, '', proof.checkpoint].join('\n');
}

/** Parses an untrusted proof and verifies nothing yet. Throws `bad-tlog-proof`. */
export function parseTlogProof(text: string): TlogProof {
  ensure(text.length <= 2 * MAX_NOTE_BYTES, 'bad-tlog-proof', 'the proof is too large');
  const end = text.indexOf('\n\n');
  ensure(end >= 0, 'bad-tlog-proof', 'the proof has no blank line before its checkpoint');
  const lines = text.slice(0, end).split('\n');
  ensure(lines.shift() === HEADER, 'bad-tlog-proof', 'not a tlog-proof of version 1');
  const extra = lines[0]?.startsWith('extra ') === true ? parseData((lines.shift() as string).slice(6)) : undefined;
  const index = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? '')?.[1];
  ensure(index !== undefined && Number.isSafeInteger(Number(index)), 'bad-tlog-proof', 'the proof has no index line');
  ensure(lines.length <= MAX_PROOF_HASHES, 'bad-tlog-proof', 'the proof has too many hashes');
  const inclusion = lines.map((line) => parseData(line));
  ensure(
    inclusion.every((hash) => hash.length === 32),
    'bad-tlog-proof',
    'a hash of the proof is not 32 bytes',
  );
  return { extra, index: Number(index), inclusion, checkpoint: text.slice(end + 2) };
}

function parseData(line: string): Uint8Array {
  try {
    return parseBase64(line);
  } catch (cause) {
    throw new GlasskeyError('bad-tlog-proof', 'a line of the proof is not base64', { cause });
  }
}

/**
 * Verifies an untrusted proof for a leaf that the caller computed itself, and returns the checkpoint that includes the
 * leaf. It does not verify cosignatures: see the checkpoint's `note`. Throws `bad-checkpoint` or `bad-tlog-proof`.
 */
export function verifyTlogProof(
  proof: TlogProof,
  leaf: Uint8Array,
  trusted: { readonly origin: string; readonly vkeys: readonly Vkey[] },
): VerifiedCheckpoint {
  const checkpoint = verifyCheckpoint(proof.checkpoint, trusted);
  try {
    verifyInclusion(proof.index, checkpoint.size, leaf, proof.inclusion, checkpoint.rootHash);
  } catch (cause) {
    throw new GlasskeyError('bad-tlog-proof', 'the entry is not included in the tree of the checkpoint', { cause });
  }
  return checkpoint;
}
