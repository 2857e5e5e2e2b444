/** Measures how long the same thing has waited, by the monotonic clock, between calls of {@link look}. */
export class WaitingTime<T extends string | number> {
  #seen: T | undefined;
  #sinceMs = 0;

  /** Takes note of what waits now. Returns for how long it has been seen to wait, ms; 0 if nothing waits. */
  look(waits: T | undefined): number {
    if (waits !== this.#seen) {
      this.#seen = waits;
      this.#sinceMs = performance.now();
    }
    return waits === undefined ? 0 : performance.now() - this.#sinceMs;
  }
}
