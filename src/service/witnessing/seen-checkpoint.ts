import { type VerifiedCheckpoint, verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { MAX_NOTE_BYTES } from '../../core/audit/note.ts';
import type { Vkey } from '../../core/audit/vkey.ts';
import { originHash } from '../../core/audit/add-checkpoint.ts';
import { readStream } from '../../core/encoding/read-stream.ts';
import type { AskOptions } from './ask-witness.ts';

/** The log that asks: its own signature is the only thing that can prove what it has signed. */
export interface OwnLog {
  readonly origin: string;
  /** The keys of its checkpoints. */
  readonly vkeys: readonly Vkey[];
}

/**
 * What a witness shows of this log at its monitoring endpoint (c2sp.org/tlog-witness), looked for where it takes submissions:
 * a checkpoint that this log's own key has signed. Undefined where there is none: what the witness says is then its word
 * alone, or that of whoever is between. Never throws.
 */
export async function fetchSeen(options: AskOptions, log: OwnLog): Promise<VerifiedCheckpoint | undefined> {
  const path = `${originHash(log.origin)}/checkpoint`;
  try {
    const response = await options.fetch(`${options.url.replace(/\/+$/, '')}/${path}`, {
      method: 'GET',
      redirect: 'error',
      signal: AbortSignal.timeout(options.timeoutMs),
    });
    const body = await readStream(response.body, MAX_NOTE_BYTES, path);
    return response.status === 200 ? verifyCheckpoint(body, log) : undefined;
  } catch {
    return undefined;
  }
}
