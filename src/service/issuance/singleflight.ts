/** Shares one run among concurrent calls with the same key. */
export class Singleflight<T> {
  readonly #running = new Map<string, Promise<T>>();

  /** Returns the result of `work`, or of the run for the same key that is under way. */
  share(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = work().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }
}
