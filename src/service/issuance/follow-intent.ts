import { setTimeout as sleep } from 'node:timers/promises';
import { ensure } from '../../core/errors.ts';
import type { IntentRow } from '../../store/ports.ts';
import { awaitSequenced } from './await-log.ts';
import type { Issuance } from './issuance.ts';

/** How often an intent that another process is working on is looked at, ms. */
const LOOK_MS = 50;

/** A moment after which a request no longer waits. */
export class Deadline {
  readonly #endMs: number;

  constructor(timeoutMs: number) {
    this.#endMs = performance.now() + timeoutMs;
  }

  /** Milliseconds that are left. Throws `timed-out` where none are. */
  leftMs(): number {
    const left = this.#endMs - performance.now();
    ensure(left > 0, 'timed-out', 'not in the released log yet; ask the same again');
    return left;
  }
}

/** Waits for the same request, which somebody else has under way: until it is sequenced, or a moment. */
export async function followIntent({ progress }: Issuance, intent: IntentRow, deadline: Deadline): Promise<void> {
  const { state, submissionId } = intent;
  if (state === 'submitted' && submissionId !== undefined) {
    await awaitSequenced(progress, submissionId, deadline.leftMs());
  } else if (state !== 'sequenced') {
    await sleep(Math.min(LOOK_MS, deadline.leftMs()));
  }
}
