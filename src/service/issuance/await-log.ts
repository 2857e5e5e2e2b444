import { ensure, GlasskeyError } from '../../core/errors.ts';
import { ERROR_CODES, type ErrorCode } from '../../core/error-codes.ts';
import type { LogProgress } from '../log/log-progress.ts';
import type { ReleasedLog } from '../log/released-log.ts';

/** The moment after which a request no longer waits. */
export class Deadline {
  readonly #endMs: number;

  constructor(timeoutMs: number) {
    this.#endMs = performance.now() + timeoutMs;
  }

  /** Returns the milliseconds that are left. Throws `timed-out` if none are. */
  leftMs(): number {
    const left = this.#endMs - performance.now();
    ensure(left > 0, 'timed-out', 'not in the released log yet; ask the same again');
    return left;
  }
}

/**
 * Step `awaitSequenced`: waits until the sequencer has taken the submission, and returns its position. Throws the code
 * of a rejection, `timed-out`, `shutting-down`. After `timed-out` and `shutting-down`, the submission stays in the
 * queue, and a repeated request finds it.
 */
export async function awaitSequenced(progress: LogProgress, submissionId: number, timeoutMs: number): Promise<number> {
  const outcome = await progress.waitForOutcome(submissionId, timeoutMs);
  if (outcome.state === 'sequenced') return outcome.position;
  throw new GlasskeyError(isErrorCode(outcome.code) ? outcome.code : 'internal', 'the log refused the version');
}

/** Step `awaitReleased`: waits until the entry is in a released head. Before that, nothing of it leaves the server. */
export async function awaitReleased(progress: LogProgress, position: number, timeoutMs: number): Promise<ReleasedLog> {
  const log = await progress.waitForRelease(position + 1, timeoutMs);
  ensure(log.released.size > position, 'internal', 'released too early');
  return log;
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
