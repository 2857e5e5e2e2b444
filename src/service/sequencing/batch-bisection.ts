import type { ErrorCode } from '../../core/error-codes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import type { SubmissionRow } from '../../store/ports.ts';

/** Failures of appends at one size before the batch is split. */
const PATIENCE = 2;
/** Failures of a row alone, after an append without it succeeded, before it is refused. */
const STRIKES = 5;

/** Troubles of the writer. */
const NOT_BY_ROW: ReadonlySet<ErrorCode> = new Set(['head-moved', 'storage-locked', 'clock-skew', 'log-rolled-back']);

/** One row that is kept out of the log, and why. */
export interface RefusedRow {
  readonly row: SubmissionRow;
  readonly code: ErrorCode;
}

/** The part of the queue that one append takes. */
export interface BatchAttempt {
  readonly queue: readonly SubmissionRow[];
  readonly refused: readonly RefusedRow[];
}

interface Suspect {
  readonly id: number;
  /** `probe`: append without it, to see that appends succeed; `alone`: append only it; `refuse`: reject it. */
  readonly next: 'probe' | 'alone' | 'refuse';
  readonly strikes: number;
  /** Code of its last failure. */
  readonly code: ErrorCode;
}

/**
 * Finds the one submission that makes every append fail. A batch that failed repeatedly at one size is halved until one
 * row is left. That row is refused only if it fails alone while an append without it succeeds, by errors that a row can
 * cause, so that no outage costs anybody a submission.
 */
export class BatchBisection {
  #limit = Infinity;
  #suspect: Suspect | undefined;
  #failures = 0;
  /** Size of the log at the last failure. */
  #failedSize: number | undefined;

  /** Most rows that the next append may take. */
  get limit(): number {
    return this.#suspect === undefined ? this.#limit : 1;
  }

  /** Returns the part of the queue that the next append takes. */
  next(queue: readonly SubmissionRow[]): BatchAttempt {
    const suspect = this.#suspect;
    const [row] = queue;
    if (suspect === undefined || row?.id !== suspect.id) {
      this.#suspect = undefined;
      return { queue, refused: [] };
    }
    if (suspect.next === 'alone') return { queue: [row], refused: [] };
    return { queue: [], refused: suspect.next === 'refuse' ? [{ row, code: suspect.code }] : [] };
  }

  /** Takes note that the last attempt was committed. */
  succeeded(): void {
    this.#failures = 0;
    if (this.#suspect?.next === 'probe') {
      this.#suspect = { ...this.#suspect, next: 'alone' };
    } else {
      this.#suspect = undefined;
      this.#limit *= 2;
    }
  }

  /** Takes note that the last attempt failed, at a size of the log. */
  failed(size: number, { queue, refused }: BatchAttempt, error: unknown): void {
    const [row] = queue;
    if (this.#suspect?.next === 'alone') return this.#strike(this.#suspect, error);
    this.#failures = this.#failedSize === size ? this.#failures + 1 : 1;
    this.#failedSize = size;
    if (row === undefined || refused.length > 0) return this.#giveUp();
    if (this.#failures < PATIENCE) return;
    this.#limit = Math.ceil(queue.length / 2);
    if (queue.length === 1) this.#suspect = { id: row.id, next: 'probe', strikes: 0, code: codeOf(error) };
  }

  #strike(suspect: Suspect, error: unknown): void {
    if (!canBeByRow(error)) return;
    const strikes = suspect.strikes + 1;
    this.#suspect = { ...suspect, strikes, code: codeOf(error), next: strikes < STRIKES ? 'alone' : 'refuse' };
  }

  /** An append without the row fails too: the row is not to blame. */
  #giveUp(): void {
    this.#suspect = undefined;
    this.#limit = Infinity;
    this.#failures = 0;
  }
}

/** Returns false for outages, overload, and another writer that was faster: they say nothing of a row. */
function canBeByRow(error: unknown): boolean {
  if (!isGlasskeyError(error)) return true;
  if (error.code === 'storage-failed') return 'isByData' in error && error.isByData === true;
  return error.fault !== 'overload' && error.fault !== 'network' && !NOT_BY_ROW.has(error.code);
}

function codeOf(error: unknown): ErrorCode {
  return isGlasskeyError(error) ? error.code : 'internal';
}
