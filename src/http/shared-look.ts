import { withDeadline } from '../core/net/with-deadline.ts';

/**
 * Looks at something for anybody who asks. Callers share the look that is under way, so that looks at something silent
 * never pile up, and none waits longer than the deadline.
 */
export class SharedLook<T> {
  readonly #timeoutMs: number;
  readonly #late: () => Error;
  readonly #work: () => Promise<T>;
  #underWay: Promise<T> | undefined;

  constructor(timeoutMs: number, late: () => Error, work: () => Promise<T>) {
    this.#timeoutMs = timeoutMs;
    this.#late = late;
    this.#work = work;
  }

  /** Returns what the look finds. Throws what it throws, or `late()` at the deadline. */
  look(): Promise<T> {
    const underWay = (this.#underWay ??= this.#work().finally(() => (this.#underWay = undefined)));
    return withDeadline({ timeoutMs: this.#timeoutMs }, this.#late, () => underWay);
  }
}
