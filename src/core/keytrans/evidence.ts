import { frontier } from './implicit-search-tree.ts';
import type { LadderVerdict } from './binary-ladder.ts';
import type { TimestampAlgorithm } from './distinguished.ts';

/**
 * A request of a KEYTRANS algorithm for evidence (KT §12.3). Each algorithm is written once, as a generator of such
 * questions. The verifier answers them from a received proof, the prover from its own data, so the two cannot disagree
 * about order or omission.
 *
 * An entry's prefix tree is asked about after its timestamp, because the entry's leaf has to be hashed.
 */
export type Question =
  /** The timestamp (ms) of a log entry. Answered with a number. */
  | { readonly kind: 'timestamp'; readonly position: number }
  | LookupQuestion
  /**
   * A search ladder that is not inspected, because `greatest` (-1 for none) is the greatest version at that entry: an
   * earlier answer showed it, or the owner's monitoring will. Later ladders omit lookups as if it had been provided (KT
   * §9.1 step 2.2). The answer is 0.
   */
  | {
      readonly kind: 'known-ladder';
      readonly position: number;
      readonly target: number;
      readonly greatest: number;
    }
  /**
   * Asks if an owner's monitoring inspects the entry at `position`, where `expected` is the greatest version that the
   * owner knows, or undefined (KT §8.3 step 4). The answer is 1, or 0 if the log stopped before.
   */
  | { readonly kind: 'go-on'; readonly position: number; readonly expected: number | undefined };

/** A question that one PrefixProof answers. */
export type LookupQuestion =
  /**
   * A search binary ladder (KT §6.2). With `omit`, it leaves out lookups whose outcome was shown already: inclusions to
   * the left, non-inclusions to the right. The answer is a {@link LadderVerdict}.
   */
  | { readonly kind: 'search-ladder'; readonly position: number; readonly target: number; readonly omit: boolean }
  /** A monitoring binary ladder (KT §8.1). The answer is 0 if all its versions are included, else -1. */
  | { readonly kind: 'monitoring-ladder'; readonly position: number; readonly target: number }
  /**
   * Lookups of given versions (KT §7.2 step 6.3, §9.1 steps 3 and 4). The answer is the number of included versions.
   */
  | { readonly kind: 'lookups'; readonly position: number; readonly versions: readonly number[] };

/** The answer to a {@link Question}: a timestamp, a verdict or a count. */
export type EvidenceAnswer = number;

/** An algorithm that asks for evidence. It returns a result, or throws the reason why the evidence does not suffice. */
export type Algorithm<T> = Generator<Question, T, EvidenceAnswer>;

/** Asks for the timestamp of an entry, in ms. */
export function* askTimestamp(position: number): Algorithm<number> {
  return yield { kind: 'timestamp', position };
}

/** Asks for the verdict of an entry's search ladder for `target`. */
export function* askSearchLadder(position: number, target: number, omit: boolean): Algorithm<LadderVerdict> {
  return (yield { kind: 'search-ladder', position, target, omit }) as LadderVerdict;
}

/** Runs an algorithm that needs only timestamps. */
export function* onTimestamps<T>(algorithm: TimestampAlgorithm<T>): Algorithm<T> {
  let step = algorithm.next();
  while (step.done !== true) step = algorithm.next(yield* askTimestamp(step.value));
  return step.value;
}

/** Runs an algorithm to its end. An error that `answer` throws ends the run. */
export function runAlgorithm<T>(algorithm: Algorithm<T>, answer: (question: Question) => EvidenceAnswer): T {
  let step = algorithm.next();
  while (step.done !== true) step = algorithm.next(answer(step.value));
  return step.value;
}

/**
 * Returns the positions whose data a verifier retained with a tree of `last` entries: its frontier. Empty for no tree.
 */
export function retainedPositions(last: number | undefined): readonly number[] {
  return last === undefined ? [] : frontier(last);
}
