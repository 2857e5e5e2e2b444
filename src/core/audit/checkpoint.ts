import { ensure, GlasskeyError } from '../errors.ts';
import { type Checkpoint, formatCheckpoint, parseCheckpoint } from './checkpoint-text.ts';
import { type IsSignature, parseNote, signNote, verifyNote, type Note, type NoteSigner } from './note.ts';
import type { Vkey } from './vkey.ts';

export { type Checkpoint, formatCheckpoint, parseCheckpoint };

/** Signs a checkpoint and returns the note as text. */
export async function signCheckpoint(checkpoint: Checkpoint, signers: readonly NoteSigner[]): Promise<string> {
  return signNote(formatCheckpoint(checkpoint), signers);
}

/** A checkpoint whose origin and signature are verified. */
export interface VerifiedCheckpoint extends Checkpoint {
  /** The whole note, including signatures that were not verified. */
  readonly note: Note;
}

/**
 * Verifies an untrusted checkpoint of the log `origin` against trusted keys. Throws `bad-checkpoint` if it is not a
 * checkpoint of this log, or if no trusted key signed it. `isEd25519`: see {@link verifyNote}.
 */
export function verifyCheckpoint(
  note: Uint8Array | string,
  trusted: { readonly origin: string; readonly vkeys: readonly Vkey[]; readonly isEd25519?: IsSignature },
): VerifiedCheckpoint {
  try {
    const parsed = parseNote(note);
    verifyNote(parsed, trusted.vkeys, trusted.isEd25519);
    const checkpoint = parseCheckpoint(parsed.text);
    ensure(checkpoint.origin === trusted.origin, 'bad-checkpoint', 'the checkpoint is of another log');
    return { ...checkpoint, note: parsed };
  } catch (cause) {
    if (!(cause instanceof GlasskeyError) || cause.code === 'bad-checkpoint') throw cause;
    throw new GlasskeyError('bad-checkpoint', `the checkpoint does not verify: ${cause.message}`, { cause });
  }
}
