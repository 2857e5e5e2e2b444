import { type Checkpoint, parseCheckpoint } from '../../core/audit/checkpoint.ts';
import { type NoteCosigner, verifyCosignatures } from '../../core/audit/cosignature.ts';
import { formatSignatureLines, isLineOf, type Note, parseNote } from '../../core/audit/note.ts';
import { parseSignSubtree } from '../../core/audit/sign-subtree.ts';
import { type Subtree, verifySubtreeConsistency } from '../../core/audit/subtree.ts';
import { ML_DSA_COSIGNATURE } from '../../core/audit/vkey.ts';
import { decodeUtf8, equalBytes } from '../../core/encoding/bytes.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';

/** A witness's answer to `sign-subtree` (c2sp.org/tlog-witness). */
export type SubtreeAnswer =
  /** The cosignature lines. */
  | { readonly status: 200; readonly lines: string }
  | {
      readonly status: 400 | 403 | 404 | 422;
      readonly reason: string;
      /** The log, if the witness's own signature is on a checkpoint that its record contradicts. */
      readonly unrecorded?: string;
    };

/** A parsed request. Nothing in it is verified. */
export interface SubtreeRequest {
  readonly subtree: Subtree;
  readonly proof: readonly Uint8Array[];
  readonly checkpoint: Checkpoint;
  readonly note: Note;
}

/** Parses an untrusted request; returns the answer 400 if it is none. */
export function readSubtreeRequest(body: Uint8Array): SubtreeRequest | (SubtreeAnswer & { readonly status: 400 }) {
  try {
    const { subtree, proof, checkpoint } = parseSignSubtree(decodeUtf8(body));
    const note = parseNote(checkpoint);
    const request = { subtree, proof, note, checkpoint: parseCheckpoint(note.text) };
    if (subtree.end <= request.checkpoint.size) return request;
    return { status: 400, reason: 'the subtree ends after the checkpoint' };
  } catch (error) {
    if (!(error instanceof GlasskeyError) && !(error instanceof TypeError)) throw error;
    return { status: 400, reason: isGlasskeyError(error) ? error.message : 'the request is not UTF-8' };
  }
}

/**
 * Cosigns a subtree that a proof shows to be part of a checkpoint which the witness cosigned. `latest` is the largest
 * checkpoint that its record has of this log.
 *
 * Only a key that cosigned the checkpoint signs: somebody who can forge Ed25519 must not get an ML-DSA-44 signature of
 * a tree that the witness never saw. Cheap checks come first: a signature costs as much as a thousand hashes.
 */
export async function cosignSubtree(
  { subtree, proof, checkpoint, note }: SubtreeRequest,
  latest: Checkpoint | undefined,
  cosigners: readonly NoteCosigner[],
): Promise<SubtreeAnswer> {
  const reason = inconsistency(subtree, checkpoint, proof);
  if (reason !== undefined) return { status: 422, reason };
  const able = cosigners.filter(({ vkey }) => vkey.type === ML_DSA_COSIGNATURE);
  if (able.length === 0) return { status: 404, reason: 'this witness has no ML-DSA-44 key, and signs no subtrees' };
  const signedBy = able.filter((one) => hasCosigned(one, note));
  if (signedBy.length === 0)
    return { status: 403, reason: 'the checkpoint has no valid ML-DSA-44 cosignature of this witness' };
  const { origin, size, rootHash } = checkpoint;
  const isKnown = latest !== undefined && size <= latest.size;
  if (!isKnown || (size === latest.size && !equalBytes(rootHash, latest.rootHash)))
    return { status: 403, reason: 'the record of this witness contradicts the checkpoint', unrecorded: origin };
  const lines = await Promise.all(signedBy.map((one) => one.cosignSubtree(origin, subtree)));
  return { status: 200, lines: formatSignatureLines(lines) };
}

/** Returns true if the checkpoint has a line of this key, and the first one verifies: each costs time. */
function hasCosigned({ vkey }: NoteCosigner, { text, signatures }: Note): boolean {
  const own = signatures.filter((line) => isLineOf(vkey, line)).slice(0, 1);
  try {
    return verifyCosignatures({ text, signatures: own }, [vkey]).length > 0;
  } catch (error) {
    if (isGlasskeyError(error, 'bad-checkpoint')) return false;
    throw error;
  }
}

/** Returns why the subtree is not part of the checkpoint; undefined if it is. */
function inconsistency(
  subtree: Subtree,
  { size, rootHash }: Checkpoint,
  proof: readonly Uint8Array[],
): string | undefined {
  try {
    verifySubtreeConsistency(subtree, size, rootHash, proof);
    return undefined;
  } catch (error) {
    if (isGlasskeyError(error, 'bad-log-proof')) return error.message;
    throw error;
  }
}
