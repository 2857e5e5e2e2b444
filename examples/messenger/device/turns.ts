/** Runs pieces of work one after the other, so that each sees what the one before has stored. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs a piece of work when all before it have ended, and returns its result. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
