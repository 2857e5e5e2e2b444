import { type GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { HeadRow, ReleasedHead, WriterLock } from '../../store/ports.ts';
import { releaseHead } from './head-signer.ts';
import { closeStaleIntents } from './intent-closing.ts';
import type { LogContext } from '../log/log-context.ts';
import type { LogProgress } from '../log/log-progress.ts';
import { releasedLog } from '../log/released-log.ts';
import { namesConfiguration } from './replace-configuration.ts';
import { assertNotRolledBack } from './rollback-check.ts';
import { checkLog } from './self-check.ts';
import { appendQueue } from './sequencing-step.ts';

/** How often intents and the queue are tidied up, ms. */
const HOUSEKEEPING_MS = 10_000;

/** Options of a {@link Sequencer}. */
export interface SequencerOptions {
  /**
   * Lets the first append of this process be later than the last entry by more than `maxClockAheadMs`: for a log that
   * was stopped for long, when somebody has looked at the clock. Default false.
   */
  readonly acceptClockGap?: boolean;
  /** Tells whether requests of this process are about to submit: then the next append waits a little for them. */
  readonly expectsMore?: () => boolean;
}

/** How far what clients may see is behind what is committed. */
export interface ReleaseLag {
  readonly entries: number;
  /** Since when the oldest of them waits, ms; undefined where none does. */
  readonly sinceMs: number | undefined;
}

/** What one {@link Sequencer.step} found to do. */
export type StepResult = 'appended' | 'idle';

/**
 * The writer of a log (DESIGN §9): drains the queue in batches, appends, signs and releases. Any number of processes may
 * run one; the writer lock lets one of them work, and the compare-and-swap on the head keeps the log right whatever the
 * lock does.
 */
export class Sequencer {
  readonly #context: LogContext;
  readonly #progress: LogProgress;
  readonly #options: SequencerOptions;
  #head: HeadRow | undefined;
  #releasedSize = 0;
  /** The entries up to {@link #releasedSize} were released under a policy or a Configuration that is no longer ours. */
  #mustGrow = false;
  #waitingSize = 0;
  #waitingSinceMs: number | undefined;
  #checked = false;
  /** The last entry has ended the log: nothing is appended after it. */
  #hasEnded = false;
  #acceptClockGap: boolean;
  #failure: GlasskeyError | undefined;
  #trouble: unknown;
  #queueDepth = 0;

  #lock: WriterLock | undefined;
  #running: Promise<void> | undefined;
  #stopping = false;
  #submitted = false;
  #lastStartMs = 0;
  #lastHousekeepingMs = 0;
  #wake: () => void = () => undefined;

  constructor(context: LogContext, progress: LogProgress, options: SequencerOptions = {}) {
    this.#context = context;
    this.#progress = progress;
    this.#options = options;
    this.#acceptClockGap = options.acceptClockGap ?? false;
  }

  /** Why nothing is signed any more: what the self-check found. Undefined while all is well. */
  get failure(): GlasskeyError | undefined {
    return this.#failure;
  }

  /** Why the last turn of the loop failed; undefined once one has not. */
  get trouble(): unknown {
    return this.#trouble;
  }

  /** Entries that this process has seen committed, or committed itself, and that are not released yet. */
  get lag(): ReleaseLag {
    return { entries: Math.max(0, this.#waitingSize - this.#releasedSize), sinceMs: this.#waitingSinceMs };
  }

  /** Submissions in the queue when it was last looked at. */
  get queueDepth(): number {
    return this.#queueDepth;
  }

  /** Tells whether this process holds the writer lock. */
  get isWriter(): boolean {
    return this.#lock !== undefined;
  }

  /**
   * Appends what is queued, or a heartbeat entry if one is due; signs and releases. The first step, and the first after a
   * failure, checks the stored log, and signs a head that was committed but not released. Where witnesses have to cosign,
   * nothing is appended before they have cosigned what is. Throws what {@link appendQueue}, {@link checkLog},
   * {@link assertNotRolledBack} and {@link releaseHead} throw; `storage-corrupt` and `log-rolled-back` are final.
   */
  async step(): Promise<StepResult> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      const head = await this.#readyHead();
      return await this.#append(head);
    } catch (error) {
      this.#head = undefined;
      const isCorrupt = isGlasskeyError(error, 'storage-corrupt');
      if (isCorrupt || isGlasskeyError(error, 'log-rolled-back')) {
        this.#failure = error;
        this.#context.observe({ type: isCorrupt ? 'self-check-failed' : 'rolled-back', error });
      }
      throw error;
    }
  }

  /** Starts the loop. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the loop after the append that is under way, and gives the lock back. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#running;
    await this.#dropLock();
  }

  /** Tells the loop that something was submitted. */
  poke(): void {
    this.#submitted = true;
    this.#wake();
  }

  /** The head to append to: checked against the stored trees once, and released. */
  async #readyHead(): Promise<HeadRow> {
    if (this.#head !== undefined) return this.#head;
    const head = await this.#context.store.readHead();
    const released = await this.#context.store.readReleased();
    this.#releasedSize = released?.size ?? 0;
    this.#hasEnded = (await this.#context.store.readLogEnd()) !== undefined;
    // Nothing will be signed any more: whom it would have to ask may be gone.
    if (this.#hasEnded && this.#releasedSize === head.size) return (this.#head = head);
    if (!this.#checked) await this.#check(head, released);
    this.#checked = true;
    if (this.#releasedSize < head.size) await this.#release(head);
    // What was signed before the log got another auditor is not to be shown any more.
    if (!(await namesConfiguration(this.#context, head.size))) this.#mustGrow = true;
    this.#head = head;
    return head;
  }

  async #check(head: HeadRow, released: ReleasedHead | undefined): Promise<void> {
    await checkLog(this.#context, head, released);
    await assertNotRolledBack(this.#context, head, released);
    const { witnesses } = this.#context;
    // Clients that know a new policy accept nothing of a size that was released under the old one.
    this.#mustGrow = released !== undefined && witnesses?.isWitnessed(released.checkpoint) === false;
  }

  async #append(head: HeadRow): Promise<StepResult> {
    const { store, limits, observe } = this.#context;
    if (this.#hasEnded) return 'idle';
    const queue = await store.readQueue(limits.batchSize);
    this.#queueDepth = queue.length < limits.batchSize ? queue.length : await store.queueDepth();
    const idleMs = this.#context.now() - head.timestampMs;
    const isQuiet = queue.length === 0 && idleMs >= 0 && idleMs < limits.heartbeatMs;
    if (isQuiet && !this.#mustGrow) return 'idle';
    const started = performance.now();
    const bounds = this.#acceptClockGap ? { ...limits, maxClockAheadMs: Infinity } : limits;
    const appended = await appendQueue(this.#context, head, queue, bounds);
    this.#acceptClockGap = false;
    this.#progress.noteOutcomes(appended.outcomes);
    observe({
      type: 'appended',
      size: appended.head.size,
      entries: appended.head.size - head.size,
      changes: appended.outcomes.length - appended.rejected,
      rejected: appended.rejected,
      milliseconds: performance.now() - started,
    });
    await this.#release(appended.head);
    this.#head = appended.head;
    return 'appended';
  }

  async #release(head: HeadRow): Promise<void> {
    this.#waitingSize = head.size;
    this.#waitingSinceMs ??= this.#context.now();
    const released = await releaseHead(this.#context, head);
    this.#releasedSize = released.size;
    this.#waitingSinceMs = undefined;
    this.#mustGrow = false;
    this.#progress.noteReleased(releasedLog(released, head));
  }

  async #run(): Promise<void> {
    let backoffMs = 0;
    let unsubscribe: () => Promise<void> = () => Promise.resolve();
    try {
      unsubscribe = await this.#context.store.subscribe((event) => {
        if (event === 'submitted') this.poke();
      });
    } catch (error) {
      this.#context.observe({ type: 'sequencing-failed', error });
    }
    while (!this.#stopping) {
      try {
        await this.#turn();
        this.#trouble = undefined;
        backoffMs = 0;
      } catch (error) {
        this.#trouble = error;
        this.#context.observe({ type: 'sequencing-failed', error });
        backoffMs = Math.min(
          Math.max(2 * backoffMs, this.#context.limits.backoffMs),
          this.#context.limits.maxBackoffMs,
        );
        await this.#sleep(backoffMs, () => false);
      }
    }
    await unsubscribe().catch(() => undefined);
  }

  /** One turn of the loop: be the writer, wait for work, do it. */
  async #turn(): Promise<void> {
    const { limits } = this.#context;
    if (!(await this.#holdLock())) return this.#sleep(limits.pollMs, () => false);
    await this.#collect();
    if (this.#stopping) return;
    this.#submitted = false;
    this.#lastStartMs = performance.now();
    const result = await this.step();
    await this.#tidy();
    if (result === 'idle') await this.#sleep(limits.pollMs, () => this.#submitted);
  }

  /** Lets submissions gather: until nobody of this process is about to submit, within the bounds of the limits. */
  async #collect(): Promise<void> {
    const { minBatchIntervalMs, batchIntervalMs, releaseIntervalMs, batchSize } = this.#context.limits;
    const sinceStartMs = (): number => performance.now() - this.#lastStartMs;
    const spares = this.#context.witnesses !== undefined && this.#queueDepth < batchSize;
    const leastMs = spares ? Math.max(minBatchIntervalMs, releaseIntervalMs) : minBatchIntervalMs;
    await this.#sleep(leastMs - sinceStartMs(), () => false);
    while (!this.#stopping && this.#options.expectsMore?.() === true && sinceStartMs() < batchIntervalMs) {
      await this.#sleep(5, () => false);
    }
  }

  async #tidy(): Promise<void> {
    const { store, limits, now } = this.#context;
    if (performance.now() - this.#lastHousekeepingMs < HOUSEKEEPING_MS) return;
    this.#lastHousekeepingMs = performance.now();
    await closeStaleIntents(this.#context);
    await store.purgeSettled(now() - limits.settledRetentionMs);
  }

  async #holdLock(): Promise<boolean> {
    if (this.#lock !== undefined) return true;
    const lock = await this.#context.store.tryWriterLock();
    if (lock === undefined) return false;
    this.#lock = lock;
    this.#head = undefined;
    this.#checked = false;
    this.#context.observe({ type: 'writer', holds: true });
    void lock.lost.then(() => {
      if (this.#lock === lock) this.#forgetLock();
    });
    return true;
  }

  #forgetLock(): void {
    this.#lock = undefined;
    this.#head = undefined;
    this.#context.observe({ type: 'writer', holds: false });
  }

  async #dropLock(): Promise<void> {
    const lock = this.#lock;
    if (lock === undefined) return;
    this.#forgetLock();
    await lock.release().catch(() => undefined);
  }

  /** Sleeps, unless `ready`; {@link poke} and {@link stop} end it early where `ready` then holds. */
  async #sleep(ms: number, ready: () => boolean): Promise<void> {
    if (ms <= 0 || ready() || this.#stopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (!ready() && !this.#stopping) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }
}
