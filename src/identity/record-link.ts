import { commit } from '../core/crypto/commitment.ts';
import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import type { HeldVersion } from './continuity.ts';
import { decodeIdentityRecord, type IdentityRecord } from './identity-record.ts';

/** One version's opening and value, untrusted: from a `chain` answer, or from the database. */
export interface RecordLink {
  readonly opening: Uint8Array;
  readonly value: Uint8Array;
}

/** Returns a version with the commitment that its link opens, and its record. Throws `bad-commitment`, `bad-record`. */
export function openLink(label: Uint8Array, version: number, { opening, value }: RecordLink): HeldVersion {
  if (opening.length !== 16) throw new GlasskeyError('bad-commitment', 'an opening does not have 16 bytes');
  const commitment = commit({ opening, label, version, update: { value, signature: undefined } });
  return { version, commitment, record: readRecord(value) };
}

function readRecord(value: Uint8Array): IdentityRecord {
  try {
    return decodeIdentityRecord(value);
  } catch (cause) {
    if (!isGlasskeyError(cause)) throw cause;
    throw new GlasskeyError('bad-record', 'a value in the log is not an identity record', { cause });
  }
}

/** Returns true for an error that says that a version breaks the rules for what may follow the one before. */
export function breaksChain(error: unknown): error is GlasskeyError {
  const codes = ['bad-record', 'bad-chain', 'bad-change-signature', 'bad-commitment'];
  return isGlasskeyError(error) && codes.includes(error.code);
}
