import { AUDIT_ENTRY_LENGTH, type AuditEntry } from '../../core/audit/audit-entry.ts';
import { formatUpdatePath } from '../../core/audit/tile-path.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
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
  /** The updates, where a bundle had them: untrusted. Default: each is read from its own file. */
  readonly updates?: readonly Uint8Array[] | undefined;
  /** True if the outcome has to name every leaf that the entries add. Default: it counts them. */
  readonly collect?: boolean | undefined;
}

/** A leaf of the prefix tree, as the log entry added it. */
export interface AddedLeaf extends PrefixLeaf {
  /** The log entry. */
  readonly position: number;
}

/** The outcome of a job. */
export interface UpdatesOutcome {
  /** Label versions that the entries add, up to the failure if there is one. */
  readonly added: number;
  /** The leaf that ends the log, if the last entry of the tree is in this job and adds it. */
  readonly endLeaf: PrefixLeaf | undefined;
  /** The leaves that the entries add, up to the failure if there is one; undefined unless the job collects them. */
  readonly leaves: readonly AddedLeaf[] | undefined;
  /** The first entry whose update fails verification. */
  readonly failure: { readonly position: number; readonly code: ErrorCode; readonly message: string } | undefined;
}

/** Verifies jobs, in this thread or in others. */
export type VerifyUpdates = (job: UpdatesJob) => Promise<UpdatesOutcome>;

/**
 * Reads the AuditorUpdates of a job, `ahead` at a time, and verifies each (see `followUpdate`). A bundle is a shortcut:
 * an update that is not in it as the entry names it is read from its own file, and that file is judged. A failed
 * verification is an outcome. Throws `network-failed` and `bad-response` if an update cannot be read.
 */
export async function verifyUpdates(files: AuditFiles, job: UpdatesJob, ahead: number): Promise<UpdatesOutcome> {
  const count = job.entries.length / AUDIT_ENTRY_LENGTH;
  const load = async (position: number): Promise<Uint8Array> => {
    const bundled = job.updates?.[position - job.start];
    if (bundled !== undefined && equalBytes(sha256(bundled), entryOf(job, position).updateHash)) return bundled;
    return files.read(formatUpdatePath(position), MAX_UPDATE_BYTES);
  };
  let { before } = job;
  let added = 0;
  let endLeaf: PrefixLeaf | undefined;
  let position = job.start;
  const leaves: AddedLeaf[] | undefined = job.collect === true ? [] : undefined;
  for await (const bytes of prefetch(job.start, job.start + count, ahead, load)) {
    const entry = entryOf(job, position);
    try {
      const followed = followUpdate(before, entry, bytes, position + 1 === job.size);
      added += followed.added;
      ({ endLeaf } = followed);
      for (const leaf of followed.leaves) leaves?.push({ ...leaf, position });
    } catch (error) {
      if (!isGlasskeyError(error)) throw error;
      return { added, endLeaf: undefined, leaves, failure: { position, code: error.code, message: error.message } };
    }
    before = entry;
    position++;
  }
  return { added, endLeaf, leaves, failure: undefined };
}

/** The entry of a job at a position of the log. */
function entryOf({ start, entries }: UpdatesJob, position: number): AuditEntry {
  const at = (position - start) * AUDIT_ENTRY_LENGTH;
  return openEntry(entries.subarray(at, at + AUDIT_ENTRY_LENGTH));
}
