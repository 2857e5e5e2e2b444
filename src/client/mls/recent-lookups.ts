import type { KeyDirectory } from '../key-directory.ts';
import type { LookupOutcome } from '../operations/lookup-many.ts';
import type { LookupResult } from '../operations/lookup.ts';

/** A verified answer, and when it was asked for. */
interface RecentAnswer {
  readonly result: LookupResult;
  readonly askedAtMs: number;
}

/** Lookups of a directory, whose answers may serve again for a short time. */
export class RecentLookups {
  readonly #directory: KeyDirectory;
  readonly #now: () => number;
  readonly #servesMs: number;
  /** By canonical identity. */
  #answers = new Map<string, RecentAnswer>();

  /** `servesMs` is the time for which an answer may serve again; 0 to ask each time. `now` returns ms. */
  constructor(directory: KeyDirectory, { now, servesMs }: { readonly now: () => number; readonly servesMs: number }) {
    this.#directory = directory;
    this.#now = now;
    this.#servesMs = servesMs;
  }

  /** Looks identities (canonical) up, 64 a request, and keeps the answers. Returns them by identity. Never throws. */
  async ask(identities: readonly string[]): Promise<ReadonlyMap<string, LookupOutcome>> {
    this.#forgetOld();
    const askedAtMs = this.#now();
    // An answer that was asked for before `forget` must not serve after it: it ends in a map that is gone.
    const answers = this.#answers;
    const outcomes = identities.length === 0 ? [] : await this.#directory.lookupMany(identities);
    for (const { asked, result } of outcomes) {
      answers.delete(asked);
      if (result !== undefined && this.#servesMs > 0) answers.set(asked, { result, askedAtMs });
    }
    return new Map(outcomes.map((outcome) => [outcome.asked, outcome]));
  }

  /** Returns an answer that may still serve. */
  recent(identity: string): LookupResult | undefined {
    const answer = this.#answers.get(identity);
    return answer !== undefined && this.#serves(answer) ? answer.result : undefined;
  }

  /** Forgets every answer, so that the next lookup asks. */
  forget(): void {
    this.#answers = new Map();
  }

  #forgetOld(): void {
    for (const [identity, answer] of this.#answers) if (!this.#serves(answer)) this.#answers.delete(identity);
  }

  /** A clock that was set back makes no answer serve longer. */
  #serves({ askedAtMs }: RecentAnswer): boolean {
    const ageMs = this.#now() - askedAtMs;
    return ageMs >= 0 && ageMs < this.#servesMs;
  }
}
