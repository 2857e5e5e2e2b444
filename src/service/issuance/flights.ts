/** Lets equal pieces of work that are wanted at the same time share one run. */
export class Flights<T> {
  readonly #running = new Map<string, Promise<T>>();

  /** The result of `work`, or of the run that is under way for the same key. */
  share(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = work().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }
}
