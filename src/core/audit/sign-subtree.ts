import { formatBase64 } from '../encoding/bytes.ts';
import { ensure } from '../errors.ts';
import { MAX_CONSISTENCY_HASHES, parseProofHash } from './add-checkpoint.ts';
import { MAX_NOTE_BYTES } from './note.ts';
import { isSubtreeRange, type Subtree } from './subtree.ts';

/** A request that a witness cosign a subtree of a log (c2sp.org/tlog-witness, `sign-subtree`). */
export interface SignSubtree {
  readonly subtree: Subtree;
  /** The subtree consistency proof to the checkpoint (draft-ietf-plants-merkle-tree-certs-03 §4.4): 32 bytes each. */
  readonly proof: readonly Uint8Array[];
  /** The reference checkpoint: a note with a cosignature of the witness. */
  readonly checkpoint: string;
}

/** Formats the body of the request. */
export function formatSignSubtree({ subtree, proof, checkpoint }: SignSubtree): string {
  const { start, end, hash } = subtree;
  const hashes = [hash, ...proof].map((one) => formatBase64(one));
  return [`subtree ${start} ${end}`, ...hashes, '', checkpoint].join('\n');
}

/**
 * Parses the untrusted body of a request, but not the checkpoint in it. Throws `invalid-request`, also for a range that
 * is not that of a subtree, or reaches beyond 2^53-1.
 */
export function parseSignSubtree(text: string): SignSubtree {
  ensure(text.length <= 2 * MAX_NOTE_BYTES, 'invalid-request', 'the request is too long');
  const blank = text.indexOf('\n\n');
  ensure(blank >= 0, 'invalid-request', 'no empty line before the checkpoint');
  const [range = '', root = '', ...hashes] = text.slice(0, blank).split('\n');
  const parts = /^subtree (0|[1-9][0-9]{0,15}) (0|[1-9][0-9]{0,15})$/.exec(range);
  ensure(parts !== null, 'invalid-request', 'not a subtree range line');
  const [start, end] = [Number(parts[1]), Number(parts[2])];
  ensure(isSubtreeRange(start, end), 'invalid-request', 'the range is not that of a subtree');
  ensure(hashes.length <= MAX_CONSISTENCY_HASHES, 'invalid-request', 'the proof has too many hashes');
  return {
    subtree: { start, end, hash: parseProofHash(root) },
    proof: hashes.map(parseProofHash),
    checkpoint: text.slice(blank + 2),
  };
}
