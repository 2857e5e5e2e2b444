import { verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { MAX_WITNESS_AHEAD_MS } from '../../core/audit/policy.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { frontierLength } from '../../core/keytrans/implicit-search-tree.ts';
import { updateViewPositions } from '../../core/keytrans/update-view.ts';
import type { ReleasedHead } from '../../store/ports.ts';
import type { EntryReader, LogEntry } from '../log/entry-reader.ts';
import type { LogContext } from '../log/log-context.ts';
import type { LogProgress } from '../log/log-progress.ts';
import type { AskedLabel } from './asked-label.ts';
import type { AskedLog } from './asked-log.ts';
import type { AuditorHeads } from './auditor-heads.ts';

/** Heads kept for clients that have seen exactly them, beside the few that are cheaper than all later ones. */
const MAX_RECENT = 256;
/** A prefix proof at a million labels, about, in bytes: what an inspected log entry costs. */
const INSPECTED_BYTES = 1_200;
/** The timestamp, prefix root and copath of an entry of the view, about, and a new tree head, in bytes. */
const VIEWED_BYTES = 72;
const HEAD_BYTES = 100;

/** Parts that decide which heads clients accept. */
interface HeadSources {
  readonly context: LogContext;
  readonly progress: LogProgress;
  readonly auditor: AuditorHeads;
  readonly entries: EntryReader;
}

/**
 * Heads that this process saw released, for answers to lookups (`docs/spec.md#the-size-of-an-answer`). A search
 * inspects an entry for each one bit of the log's size, so a slightly older size is often cheaper.
 */
export class RecentHeads {
  readonly #sources: HeadSources;
  /** From the oldest to the newest. */
  readonly #recent: ReleasedHead[] = [];
  /** Those with fewer frontier entries than every later one, from the oldest to the newest. */
  readonly #cheap: ReleasedHead[] = [];
  /** Sizes that were checked, of heads that are still kept. */
  readonly #accepted = new Map<number, Promise<boolean>>();

  constructor(sources: HeadSources) {
    this.#sources = sources;
    sources.progress.onRelease(({ released }) => this.#note(released));
    sources.progress.onLoss(() => this.#forget());
  }

  /**
   * Returns the log in which the answer about these labels, as read in the newest released `log`, is the same and its
   * proof is shortest. It is `log`, or one of a size released earlier: at most half of `max_behind` old, not before
   * `log.last` nor below the auditor's head. All versions of the labels are in it.
   */
  async cheapestFor(log: AskedLog, labels: readonly AskedLabel[]): Promise<AskedLog> {
    const least = Math.max(
      log.last ?? 1,
      log.auditedSize ?? 1,
      ...labels.map(({ positions }) => (positions.at(-1) ?? 0) + 1),
    );
    const newestCost = proofCost(log.size, log.last);
    const cheaper = [...new Set([...this.#cheap, ...this.#recent.filter(({ size }) => size === log.last)])]
      .filter(({ size }) => size >= least && size < log.size && proofCost(size, log.last) < newestCost)
      .sort((a, b) => proofCost(a.size, log.last) - proofCost(b.size, log.last) || b.size - a.size);
    if (cheaper.length === 0) return log;
    const { context, entries } = this.#sources;
    const oldestMs = context.now() - context.configuration.maxBehindMs / 2;
    const last = await entries.read(cheaper.map(({ size }) => size - 1));
    for (const [i, head] of cheaper.entries()) {
      if ((last[i] as LogEntry).timestampMs >= oldestMs && (await this.#isAccepted(head))) return showing(log, head);
    }
    return log;
  }

  #note(head: ReleasedHead): void {
    this.#recent.push(head);
    if (this.#recent.length > MAX_RECENT) this.#recent.shift();
    const length = frontierLength(head.size);
    while (frontierLength(this.#cheap.at(-1)?.size ?? 1) >= length && this.#cheap.length > 0) this.#cheap.pop();
    this.#cheap.push(head);
    const kept = new Set([...this.#recent, ...this.#cheap].map(({ size }) => size));
    for (const size of this.#accepted.keys()) if (!kept.has(size)) this.#accepted.delete(size);
  }

  #forget(): void {
    this.#recent.length = 0;
    this.#cheap.length = 0;
    this.#accepted.clear();
  }

  /** Returns true for a head that clients with the current trust bundle accept; checks it once. */
  #isAccepted(head: ReleasedHead): Promise<boolean> {
    const known = this.#accepted.get(head.size);
    if (known !== undefined) return known;
    const accepted = this.#check(head);
    this.#accepted.set(head.size, accepted);
    accepted.catch(() => this.#accepted.delete(head.size));
    return accepted;
  }

  /** A head may have been released under an earlier bundle, or by another process that has one. */
  async #check({ size, checkpoint }: ReleasedHead): Promise<boolean> {
    const { auditor, context } = this.#sources;
    const { origin, noteSigner, witnesses, configuration } = context;
    // Clients allow `max_behind` and the difference of clocks; the head may be shown for half of `max_behind` from now.
    const maxAgeMs = configuration.maxBehindMs / 2 + MAX_WITNESS_AHEAD_MS;
    try {
      verifyCheckpoint(checkpoint, { origin, vkeys: [noteSigner.vkey] });
      await auditor.assertCurrent(size);
    } catch (error) {
      if (isGlasskeyError(error, 'bad-checkpoint') || isGlasskeyError(error, 'not-audited')) return false;
      throw error;
    }
    return witnesses === undefined || witnesses.isWitnessed(checkpoint, maxAgeMs);
  }
}

/** Estimates the length of a search's proof in a log of `size` entries, for a client that has seen `last`, in bytes. */
export function proofCost(size: number, last: number | undefined): number {
  const viewed = updateViewPositions(size, last).length * VIEWED_BYTES;
  return frontierLength(size) * INSPECTED_BYTES + viewed + (size === last ? 0 : HEAD_BYTES);
}

/** Returns the log as of an earlier head; the edges of its trees lead to every smaller size, too. */
function showing(log: AskedLog, released: ReleasedHead): AskedLog {
  const { size, signature } = released;
  if (size === log.last) return { ...log, released, size, fullTreeHead: { type: 'same' }, auditedSize: undefined };
  const auditorTreeHead = log.fullTreeHead.type === 'updated' ? log.fullTreeHead.auditorTreeHead : undefined;
  return {
    ...log,
    released,
    size,
    fullTreeHead: { type: 'updated', treeHead: { treeSize: size, signature }, auditorTreeHead },
  };
}
