import { encode } from '../../core/encoding/codec.ts';
import { logEndLeaf, type SignedLogEnd, signedLogEndCodec } from '../../core/audit/log-end.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import type { HeadRow } from '../../store/ports.ts';
import { nextTimestamp } from './clock-guard.ts';
import { growLog, prefixTileRows } from './grow-log.ts';
import { releaseHead } from './head-signer.ts';
import type { LogContext } from '../log/log-context.ts';
import { LogProgress } from '../log/log-progress.ts';
import { readCommitted } from './read-committed.ts';
import { SequencingStep } from './sequencing-step.ts';
import { WriterLease } from './writer-lease.ts';

/** Options of {@link endLog}. */
export interface EndLogOptions {
  /** Signs the LogEnd of the entry at a position, with the bundle key. */
  readonly sign: (position: number) => Promise<SignedLogEnd>;
  /** The administrator who ends the log, for the trail: `admin:NAME`. */
  readonly who: string;
  readonly acceptClockGap: boolean;
}

/** A log that has ended. */
export interface EndedLog {
  readonly position: number;
  /** True once the last entry is released; otherwise a server releases it, once the witnesses cosign. */
  readonly released: boolean;
}

/**
 * Ends a log for good: sequences the queue, appends one last entry that is bound to a signed LogEnd, and releases it.
 * No server may be the writer meanwhile. The database refuses every later append. A database older than what the
 * witnesses or this host have seen cannot end its log. Throws `log-ended` if it has ended already, `storage-locked`
 * while a server is the writer, and what {@link SequencingStep.run} throws, `log-rolled-back` and `release-stalled`
 * among them.
 */
export async function endLog(context: LogContext, options: EndLogOptions): Promise<EndedLog> {
  const { store } = context;
  const lease = await WriterLease.take(store, () => Infinity);
  ensure(lease !== undefined, 'storage-locked', 'a server is running: stop all servers of the log to end it');
  try {
    ensure((await store.readLogEnd()) === undefined, 'log-ended', 'the log has ended already');
    const { acceptClockGap } = options;
    const step = new SequencingStep(context, new LogProgress(store, context.limits), { acceptClockGap });
    // Runs the checks of a start, those of witnesses included, and sequences the queue.
    while ((await step.run(lease)) !== 'idle');
    const head = await appendEnd(context, await step.prepare(lease), options, lease);
    return { position: head.size - 1, released: await isReleased(context, head, lease) };
  } finally {
    await lease.release();
  }
}

async function appendEnd(
  context: LogContext,
  head: HeadRow,
  { sign, who }: EndLogOptions,
  lease: WriterLease,
): Promise<HeadRow> {
  const { store, trail, now, limits, configHash, readPrefixTiles, format } = context;
  const signed = await sign(head.size);
  const growth = await growLog({
    head,
    changes: [[logEndLeaf(signed.end)]],
    timestampMs: nextTimestamp(head.timestampMs, now(), limits),
    configHash,
    readTiles: readPrefixTiles,
    format,
  });
  const nothing = { versions: [], rejected: [], revocations: [] };
  const batch = { ...growth, prefixTiles: prefixTileRows(growth.prefixTiles), ...nothing, writer: lease.lock };
  const logEnd = encode(signedLogEndCodec, signed);
  const act = { at: now(), act: 'log-ended' as const, who, position: head.size };
  await trail.record([act], (record) => store.append({ ...batch, logEnd, trail: record }));
  return readCommitted(store, growth.head);
}

/** Releases the last entry, unless the witnesses' quorum is missing. */
async function isReleased(context: LogContext, head: HeadRow, lease: WriterLease): Promise<boolean> {
  try {
    await releaseHead(context, head, lease);
    return true;
  } catch (error) {
    if (isGlasskeyError(error, 'release-stalled')) return false;
    throw error;
  }
}
