/** A bucket of tokens: so many signatures per second in the long run, and as many at once. */
export class SigningBudget {
  readonly #perSecond: number;
  readonly #now: () => number;
  #tokens: number;
  #atMs: number;

  /** `now` in ms. */
  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#tokens = perSecond;
    this.#atMs = now();
  }

  /** Takes one signature; false: there is none left. */
  take(): boolean {
    const nowMs = this.#now();
    // A clock that goes back gives nothing.
    const earned = (Math.max(nowMs - this.#atMs, 0) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + earned);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
