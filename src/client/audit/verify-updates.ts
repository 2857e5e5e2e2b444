import { AUDIT_ENTRY_LENGTH } from '../../core/audit/audit-entry.ts';
import { formatUpdatePath } from '../../core/audit/tile-path.ts';
import type { ErrorCode } from '../../core/error-codes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import type { PrefixLeaf } from '../../core/keytrans/proofs.ts';
import { type EntryBefore, followUpdate, MAX_UPDATE_BYTES } from './follow-entry.ts';
import type { AuditFiles } from './audit-files.ts';
import { prefetch } from './prefetch.ts';
import { openEntry } from './read-entries.ts';

/** AuditorUpdates of consecutive entries to verify: plain data, so that a thread can do it. */
export interface UpdatesJob {
  /** Position of the first entry. */
  readonly start: number;
  /** The encoded AuditEntries, one after the other. */
  readonly entries: Uint8Array;
  /** The fields of the entry before the first one. */
  readonly before: EntryBefore;
  /** Size of the signed tree that has the entries. */
  readonly size: number;
}

/** The outcome of a job. */
export interface UpdatesOutcome {
  /** Label versions that the entries add, up to the failure if there is one. */
  readonly added: number;
  /** The leaf that ends the log, if the last entry of the tree is in this job and adds it. */
  readonly endLeaf: PrefixLeaf | undefined;
  /** The first entry whose update fails verification. */
  readonly failure: { readonly position: number; readonly code: ErrorCode; readonly message: string } | undefined;
}

/** Verifies jobs, in this thread or in others. */
export type VerifyUpdates = (job: UpdatesJob) => Promise<UpdatesOutcome>;

/**
 * Reads the AuditorUpdates of a job, `ahead` at a time, and verifies each (see `followUpdate`). A failed verification
 * is an outcome. Throws `network-failed` and `bad-response` if an update cannot be read.
 */
export async function verifyUpdates(files: AuditFiles, job: UpdatesJob, ahead: number): Promise<UpdatesOutcome> {
  const count = job.entries.length / AUDIT_ENTRY_LENGTH;
  const load = (position: number): Promise<Uint8Array> => files.read(formatUpdatePath(position), MAX_UPDATE_BYTES);
  let { before } = job;
  let added = 0;
  let endLeaf: PrefixLeaf | undefined;
  let position = job.start;
  for await (const bytes of prefetch(job.start, job.start + count, ahead, load)) {
    const at = (position - job.start) * AUDIT_ENTRY_LENGTH;
    const entry = openEntry(job.entries.subarray(at, at + AUDIT_ENTRY_LENGTH));
    try {
      const followed = followUpdate(before, entry, bytes, position + 1 === job.size);
      added += followed.added;
      ({ endLeaf } = followed);
    } catch (error) {
      if (!isGlasskeyError(error)) throw error;
      return { added, endLeaf: undefined, failure: { position, code: error.code, message: error.message } };
    }
    before = entry;
    position++;
  }
  return { added, endLeaf, failure: undefined };
}
