import { type VerifiedCheckpoint, verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { MAX_NOTE_BYTES } from '../../core/audit/note.ts';
import type { Vkey } from '../../core/audit/vkey.ts';
import { originHash } from '../../core/audit/add-checkpoint.ts';
import { boundedFetch } from '../../core/net/bounded-fetch.ts';
import type { AskOptions } from './ask-witness.ts';

/** The log that asks. Only its own signature can prove what it has signed. */
export interface OwnLog {
  readonly origin: string;
  /** The keys of its checkpoints. */
  readonly vkeys: readonly Vkey[];
}

/**
 * Fetches this log's checkpoint from a witness's monitoring endpoint (c2sp.org/tlog-witness), below its submission
 * prefix. Returns undefined unless this log's own key has signed it: a claim of the witness is then its word alone, or
 * that of somebody on the path. Never throws.
 */
export async function fetchSeen(options: AskOptions, log: OwnLog): Promise<VerifiedCheckpoint | undefined> {
  const path = `${originHash(log.origin)}/checkpoint`;
  try {
    const { status, body } = await boundedFetch(
      options.fetch,
      `${options.url.replace(/\/+$/, '')}/${path}`,
      { method: 'GET' },
      { timeoutMs: options.timeoutMs, maxBytes: MAX_NOTE_BYTES, name: 'the witness' },
    );
    return status === 200 ? verifyCheckpoint(body, log) : undefined;
  } catch {
    return undefined;
  }
}
