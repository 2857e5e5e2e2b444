/**
 * Which lookups a response has shown so far, and for which entries: what a ladder may omit (KT §6.2). Omission is
 * directional: an inclusion carries to the right, a non-inclusion to the left.
 */
export class ShownLookups {
  /** Version to the leftmost position where its inclusion was shown. */
  readonly #included = new Map<number, number>();
  /** Version to the rightmost position where its absence was shown. */
  readonly #absent = new Map<number, number>();

  /** The outcome of looking `version` up at `position` that follows from what was shown, or undefined. */
  outcome(version: number, position: number): boolean | undefined {
    if ((this.#included.get(version) ?? Number.POSITIVE_INFINITY) < position) return true;
    if ((this.#absent.get(version) ?? -1) > position) return false;
    return undefined;
  }

  record(version: number, position: number, included: boolean): void {
    if (included) {
      this.#included.set(version, Math.min(position, this.#included.get(version) ?? position));
    } else {
      this.#absent.set(version, Math.max(position, this.#absent.get(version) ?? position));
    }
  }

  /** Whether the response showed that `version` exists. */
  showedInclusion(version: number): boolean {
    return this.#included.has(version);
  }
}
