import { formatHex } from '../../core/encoding/bytes.ts';

/** Lets equal requests that come at the same time share one run of the pipeline. */
export class Flights<T> {
  readonly #running = new Map<string, Promise<T>>();

  /** The result of `work`, or of the run that is under way for the same hash. */
  share(hash: Uint8Array, work: () => Promise<T>): Promise<T> {
    const key = formatHex(hash);
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = work().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }
}
