import type { EvidenceAnswer, Question } from './evidence.ts';
import { type KnownOutcomes, type Lookup, walkLadder } from './ladder-walk.ts';

/**
 * The lookups that a response has shown so far, with their entries, which ladders may omit (KT §6.2). Omission is
 * directional: an inclusion carries to the right, a non-inclusion to the left.
 */
export class ShownLookups implements KnownOutcomes {
  /** For each version, the leftmost position where its inclusion was shown or is known. */
  readonly #included = new Map<number, number>();
  /** For each version, the rightmost position where its absence was shown or is known. */
  readonly #absent = new Map<number, number>();
  /** The versions whose inclusion a prefix proof of the response shows. */
  readonly #proved = new Set<number>();

  outcome(version: number, position: number): boolean | undefined {
    if ((this.#included.get(version) ?? Number.POSITIVE_INFINITY) < position) return true;
    if ((this.#absent.get(version) ?? -1) > position) return false;
    return undefined;
  }

  /** Records the lookups of one prefix proof of the entry at `position`. */
  recordAll(position: number, lookups: readonly Lookup[]): void {
    for (const { version, included } of lookups) {
      this.#note(version, position, included);
      if (included) this.#proved.add(version);
    }
  }

  /** Records a ladder that is not inspected because its outcome is known. */
  recordKnown(question: Extract<Question, { kind: 'known-ladder' }>): EvidenceAnswer {
    const { position, target, greatest } = question;
    const ladder = { kind: 'search-ladder', position, target, omit: true } as const;
    const { lookups } = walkLadder(ladder, this, (version) => version <= greatest);
    for (const { version, included } of lookups) this.#note(version, position, included);
    return 0;
  }

  /** Returns true if the response showed that `version` exists. */
  showedInclusion(version: number): boolean {
    return this.#proved.has(version);
  }

  /** Returns the leftmost log entry for which the inclusion of `version` was shown or is known. */
  leftmostInclusion(version: number): number | undefined {
    return this.#included.get(version);
  }

  #note(version: number, position: number, included: boolean): void {
    if (included) {
      this.#included.set(version, Math.min(position, this.#included.get(version) ?? position));
    } else {
      this.#absent.set(version, Math.max(position, this.#absent.get(version) ?? position));
    }
  }
}
