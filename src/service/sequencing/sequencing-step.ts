import { type GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { HeadRow, ReleasedHead, SubmissionRow } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';
import type { LogProgress } from '../log/log-progress.ts';
import { releasedLog } from '../log/released-log.ts';
import { type Appended, appendQueue } from './append-queue.ts';
import { BatchBisection } from './batch-bisection.ts';
import { ClockGuard } from './clock-guard.ts';
import { releaseHead } from './head-signer.ts';
import { namesConfiguration } from './replace-configuration.ts';
import { assertNotRolledBack } from './rollback-check.ts';
import { checkLog } from './self-check.ts';
import type { WriterLease } from './writer-lease.ts';

/** Options of a {@link SequencingStep}. */
export interface StepOptions {
  /**
   * If true, the first append of this process may be later than the last entry by more than `maxClockAheadMs`. It is
   * for a log that was stopped for long, after an operator has checked the clock. Default: false.
   */
  readonly acceptClockGap?: boolean;
}

/** The distance between the committed and the released size. */
export interface ReleaseLag {
  readonly entries: number;
  /** The time since when the oldest of them waits, ms; undefined if none does. */
  readonly sinceMs: number | undefined;
}

/** The work that one {@link SequencingStep.run} found. */
export type StepResult = 'appended' | 'idle';

/**
 * One step of the writer: appends, signs and releases (docs/architecture.md#sequencing-and-durability). It owns this
 * process's view of the log's head; the loop owns locks, waiting and the time between steps. The caller holds the
 * writer lock and runs one step at a time.
 */
export class SequencingStep {
  readonly #context: LogContext;
  readonly #progress: LogProgress;
  /** The committed and released head to append to; undefined until it is read, and after a failure. */
  #head: HeadRow | undefined;
  /** The stored log was checked since this process got the writer lock, and since a step failed. */
  #checked = false;
  #releasedSize = 0;
  /** Entries up to `#releasedSize` were released under a policy or a Configuration that is no longer in force. */
  #mustGrow = false;
  /** The last entry has ended the log: nothing is appended after it. */
  #hasEnded = false;
  readonly #clock: ClockGuard;
  /** When the log grew last, ms by the monotonic clock, so that setting the wall clock makes no heartbeat due. */
  #grownAtMs = 0;
  readonly #bisection = new BatchBisection();
  #waitingSize = 0;
  #waitingSinceMs: number | undefined;
  #queueDepth = 0;
  #failure: GlasskeyError | undefined;

  constructor(context: LogContext, progress: LogProgress, options: StepOptions = {}) {
    this.#context = context;
    this.#progress = progress;
    this.#clock = new ClockGuard(context, options.acceptClockGap ?? false);
  }

  /** Why signing has stopped: the finding of the self-check. Undefined while all is well. */
  get failure(): GlasskeyError | undefined {
    return this.#failure;
  }

  /** Entries that this process knows to be committed but not released. */
  get lag(): ReleaseLag {
    return { entries: Math.max(0, this.#waitingSize - this.#releasedSize), sinceMs: this.#waitingSinceMs };
  }

  /** Submissions in the queue when it was last read. */
  get queueDepth(): number {
    return this.#queueDepth;
  }

  /** Forgets the head and the check: another process may have appended since. */
  reset(): void {
    this.#head = undefined;
    this.#checked = false;
    this.#clock.restart();
  }

  /** Takes note of this process's clock, if nothing has used it yet. */
  noteClock(): void {
    this.#clock.note();
  }

  /** Throws `clock-skew` if this process's clock was set while it ran. */
  assertSteadyClock(): void {
    this.#clock.assertSteady();
  }

  /** Throws `clock-skew` while nothing could be appended by this process's clock. */
  async assertClock(): Promise<void> {
    const head = await this.#context.store.readHead();
    this.#clock.next(head.timestampMs);
  }

  /**
   * Appends what is queued, or a heartbeat entry if one is due; signs and releases. The first step with the lock, and
   * the first after a failure, check the stored log and sign a committed head that is not released. If witnesses
   * have to cosign, it appends nothing before they have cosigned the last head. Throws what {@link appendQueue}, {@link
   * checkLog}, {@link assertNotRolledBack} and {@link releaseHead} throw; `storage-corrupt` and `log-rolled-back` are
   * final. With a lease, throws `head-moved` once it is over; a pause right before the signing goes unnoticed.
   */
  run(lease?: WriterLease): Promise<StepResult> {
    return this.#guarded(async () => this.#append(await this.#readyHead(lease), lease));
  }

  /**
   * Does the part of {@link run} that needs no submission: reads, checks and releases the head. It can take long, so a
   * caller that batches submissions collects them afterwards. Returns the head. Throws what {@link run} throws.
   */
  prepare(lease?: WriterLease): Promise<HeadRow> {
    return this.#guarded(() => this.#readyHead(lease));
  }

  /** Forgets the head and its check after a failure, and remembers one that is final. */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await work();
    } catch (error) {
      this.#head = undefined;
      this.#checked = false;
      const isCorrupt = isGlasskeyError(error, 'storage-corrupt');
      if (isCorrupt || isGlasskeyError(error, 'log-rolled-back')) {
        this.#failure = error;
        if (!isCorrupt) this.#progress.forget();
        this.#context.observe({ type: isCorrupt ? 'self-check-failed' : 'rolled-back', error });
      }
      throw error;
    }
  }

  /** Returns the head to append to: checked against the stored trees once, and released. */
  async #readyHead(lease?: WriterLease): Promise<HeadRow> {
    if (this.#head !== undefined) return this.#head;
    const head = await this.#context.store.readHead();
    // A failover may have lost what this process has seen; the file of this host, if it has one, may be older.
    const loss = this.#progress.findLoss(head.size);
    if (loss !== undefined) throw loss;
    const { now, monotonic } = this.#context;
    this.#grownAtMs = monotonic() - Math.max(0, now() - head.timestampMs);
    const released = await this.#context.store.readReleased();
    this.#releasedSize = released?.size ?? 0;
    this.#hasEnded = (await this.#context.store.readLogEnd()) !== undefined;
    // Nothing more will be signed, and the witnesses that a check would ask may be gone.
    if (this.#hasEnded && this.#releasedSize === head.size) return (this.#head = head);
    if (!this.#checked) await this.#check(head, released);
    this.#checked = true;
    if (this.#releasedSize < head.size) await this.#release(head, lease);
    // Heads signed before the log got another auditor must no longer be served.
    if (!(await namesConfiguration(this.#context, head.size))) this.#mustGrow = true;
    this.#head = head;
    return head;
  }

  async #check(head: HeadRow, released: ReleasedHead | undefined): Promise<void> {
    await checkLog(this.#context, head, released);
    await assertNotRolledBack(this.#context, head, released);
    const { witnesses } = this.#context;
    // Clients with a new policy accept no size that was released under the old one.
    this.#mustGrow = released !== undefined && witnesses?.isWitnessed(released.checkpoint) === false;
  }

  async #append(head: HeadRow, lease?: WriterLease): Promise<StepResult> {
    const { store, limits, observe } = this.#context;
    if (this.#hasEnded) return 'idle';
    this.#clock.assertSteady();
    const most = Math.min(limits.batchSize, this.#bisection.limit);
    const queue = await store.readQueue(most, limits.batchBytes);
    this.#queueDepth = queue.length === 0 ? 0 : await store.queueDepth();
    const isQuiet = queue.length === 0 && this.#context.monotonic() - this.#grownAtMs < limits.heartbeatMs;
    if (isQuiet && !this.#mustGrow) return 'idle';
    const started = performance.now();
    const appended = await this.#appendSome(head, queue, lease);
    this.#progress.noteOutcomes(appended.outcomes);
    observe({
      type: 'appended',
      size: appended.head.size,
      entries: appended.head.size - head.size,
      changes: appended.outcomes.length - appended.rejected,
      rejected: appended.rejected,
      milliseconds: performance.now() - started,
    });
    await this.#release(appended.head, lease);
    this.#head = appended.head;
    return 'appended';
  }

  /** Appends the queue, or the part of it that {@link BatchBisection} tries. */
  async #appendSome(head: HeadRow, queue: readonly SubmissionRow[], lease?: WriterLease): Promise<Appended> {
    const timestampMs = this.#clock.next(head.timestampMs);
    const attempt = this.#bisection.next(queue);
    try {
      const appended = await appendQueue(this.#context, head, { ...attempt, timestampMs, writer: lease?.lock });
      this.#clock.appended();
      this.#grownAtMs = this.#context.monotonic();
      this.#bisection.succeeded();
      return appended;
    } catch (error) {
      this.#bisection.failed(head.size, attempt, error);
      throw error;
    }
  }

  async #release(head: HeadRow, lease?: WriterLease): Promise<void> {
    this.#waitingSize = head.size;
    this.#waitingSinceMs ??= this.#context.now();
    const released = await releaseHead(this.#context, head, lease);
    this.#releasedSize = released.size;
    this.#waitingSinceMs = undefined;
    this.#mustGrow = false;
    this.#progress.noteReleased(releasedLog(released, head));
  }
}
