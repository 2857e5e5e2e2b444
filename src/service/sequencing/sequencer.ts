import { type GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { LogContext } from '../log/log-context.ts';
import type { LogProgress } from '../log/log-progress.ts';
import { closeStaleIntents } from './intent-closing.ts';
import { type ReleaseLag, SequencingStep, type StepOptions, type StepResult } from './sequencing-step.ts';
import { longerPatience, WriterLease } from './writer-lease.ts';

/** Interval between two rounds of housekeeping of intents, the queue and what ACME keeps, ms. */
const HOUSEKEEPING_MS = 10_000;
/** Time for which expired rows of ACME stay, ms: by the clock of another server their nonces may be good still. */
const EXPIRED_ACME_MS = 3_600_000;
/** Polls of the lock that a process leaves to others after it has given up writing. */
const REST_POLLS = 3;
/** A hanging step gets so many times the patience with failing ones: a slow append is better than a new writer. */
const HANG_FACTOR = 2;

/** Options of a {@link Sequencer}. */
export interface SequencerOptions extends StepOptions {
  /**
   * Returns true while requests of this process are about to submit; the next append then waits briefly to batch them.
   */
  readonly expectsMore?: () => boolean;
}

/**
 * The loop that writes a log: it gets the writer lock, waits for work, and runs {@link SequencingStep}s
 * (docs/architecture.md#sequencing-and-durability). Any number of processes may run one. The writer lock lets one of
 * them work, and the compare-and-swap on the head keeps the log consistent even if the lock fails. A process that
 * cannot append gives the lock up.
 */
export class Sequencer {
  readonly #context: LogContext;
  readonly #options: SequencerOptions;
  /** Owns this process's view of the head. Only the loop, or a test without a loop, runs it. */
  readonly #step: SequencingStep;
  /** The writer lock. Only this class takes it and gives it back. */
  #lease: WriterLease | undefined;
  /** When this process last did a turn, or became the writer, ms by the monotonic clock. */
  #progressMs = 0;
  /** The time that a step may take, ms. Longer after each that hung, so that a slow database gets its append. */
  #hangMs: number;
  /** The loop; undefined until {@link start}. */
  #running: Promise<void> | undefined;
  /** {@link stop} was called. */
  #stopping = false;
  /** {@link poke} was called since the last step began. */
  #submitted = false;
  /** The outcome of the loop's last turn. */
  #trouble: unknown;
  #lastStartMs = 0;
  #lastHousekeepingMs = 0;
  /** Ends the sleep that is under way. */
  #wake: () => void = () => undefined;

  constructor(context: LogContext, progress: LogProgress, options: SequencerOptions = {}) {
    this.#context = context;
    this.#options = options;
    this.#hangMs = HANG_FACTOR * context.limits.writerPatienceMs;
    this.#step = new SequencingStep(context, progress, options);
  }

  /** Why signing has stopped: the finding of the self-check. Undefined while all is well. */
  get failure(): GlasskeyError | undefined {
    return this.#step.failure;
  }

  /** Why the last turn of the loop failed; undefined if it did not. */
  get trouble(): unknown {
    return this.#trouble;
  }

  get lag(): ReleaseLag {
    return this.#step.lag;
  }

  get queueDepth(): number {
    return this.#step.queueDepth;
  }

  /** True while this process holds the writer lock. */
  get isWriter(): boolean {
    return this.#lease !== undefined;
  }

  /** Runs one step without the loop: see {@link SequencingStep.run}. */
  step(): Promise<StepResult> {
    return this.#step.run();
  }

  /**
   * Throws `clock-skew` if the clock was set while this process ran. A server that is not the writer signs by its
   * clock, too: certificates, and later the entries of the log.
   */
  assertSteadyClock(): void {
    this.#step.assertSteadyClock();
  }

  /** Starts the loop. */
  start(): void {
    this.#step.noteClock();
    this.#running ??= this.#run();
  }

  /** Ends the loop after the append that is under way, and gives the lock back. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#running;
    await this.#giveUp();
  }

  /** Wakes the loop: something was submitted. */
  poke(): void {
    this.#submitted = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    const { store, limits, observe } = this.#context;
    let backoffMs = 0;
    let unsubscribe: () => Promise<void> = () => Promise.resolve();
    try {
      unsubscribe = await store.subscribe((event) => {
        if (event === 'submitted') this.poke();
      });
    } catch (error) {
      observe({ type: 'sequencing-failed', error });
    }
    while (!this.#stopping) {
      try {
        await this.#turn();
        this.#trouble = undefined;
        this.#progressMs = performance.now();
        backoffMs = 0;
      } catch (error) {
        this.#trouble = error;
        observe({ type: 'sequencing-failed', error });
        backoffMs = Math.min(Math.max(2 * backoffMs, limits.backoffMs), limits.maxBackoffMs);
        const leaves = this.#leavesWriting(error);
        if (leaves) await this.#giveUp();
        await this.#sleep(leaves ? REST_POLLS * limits.pollMs : backoffMs, () => false);
      }
    }
    await unsubscribe().catch(() => undefined);
  }

  /** Returns true if another server should try to append, after a turn that failed. */
  #leavesWriting(error: unknown): boolean {
    // A finding about the log is none about this server: nobody else may sign over it.
    if (this.#lease === undefined || this.#step.failure !== undefined) return false;
    // A server with the right time can append.
    if (isGlasskeyError(error, 'clock-skew')) return true;
    return performance.now() - this.#progressMs > this.#context.limits.writerPatienceMs;
  }

  /** Runs one turn of the loop: becomes the writer, waits for work and does it. */
  async #turn(): Promise<void> {
    const { limits } = this.#context;
    if (this.#lease === undefined && isGlasskeyError(this.#trouble, 'clock-skew')) await this.#step.assertClock();
    const lease = await this.#holdLease();
    if (lease === undefined) return this.#sleep(limits.pollMs, () => false);
    await lease.confirm();
    // Before the submissions are collected: while the head is checked, a part of a batch would arrive.
    await this.#step.prepare(lease);
    await this.#collect();
    if (this.#stopping) return;
    this.#submitted = false;
    this.#lastStartMs = performance.now();
    const result = await this.#step.run(lease);
    this.#hangMs = HANG_FACTOR * limits.writerPatienceMs;
    await this.#tidy();
    if (result === 'idle') await this.#sleep(limits.pollMs, () => this.#submitted);
  }

  /** Batches submissions: waits while requests of this process are about to submit, within the bounds of the limits. */
  async #collect(): Promise<void> {
    const { minBatchIntervalMs, batchIntervalMs, releaseIntervalMs, batchSize } = this.#context.limits;
    const sinceStartMs = (): number => performance.now() - this.#lastStartMs;
    const spares = this.#context.witnesses !== undefined && this.#step.queueDepth < batchSize;
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
    // No append waits for these, nor fails by them.
    store.pruneAcme(now() - EXPIRED_ACME_MS).catch(() => undefined);
  }

  async #holdLease(): Promise<WriterLease | undefined> {
    if (this.#lease !== undefined) return this.#lease;
    const lease = await WriterLease.take(this.#context.store, () => this.#hangMs);
    if (lease === undefined) return undefined;
    this.#lease = lease;
    this.#progressMs = performance.now();
    this.#step.reset();
    this.#context.observe({ type: 'writer', holds: true });
    void lease.lost.then(() => {
      if (lease.hasHung) this.#hangMs = longerPatience(this.#hangMs);
      if (this.#lease === lease) this.#forgetLease();
    });
    return lease;
  }

  #forgetLease(): void {
    this.#lease = undefined;
    this.#step.reset();
    this.#context.observe({ type: 'writer', holds: false });
  }

  async #giveUp(): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined) return;
    this.#forgetLease();
    await lease.release().catch(() => undefined);
  }

  /** Sleeps, unless `ready`; {@link poke} and {@link stop} end the sleep early if `ready` then holds. */
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
