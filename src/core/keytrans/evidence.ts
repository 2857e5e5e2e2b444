import { frontier } from './implicit-search-tree.ts';
import type { LadderVerdict } from './binary-ladder.ts';
import type { TimestampAlgorithm } from './distinguished.ts';

/**
 * What an algorithm of KEYTRANS asks for while it runs (KT §12.3). Each algorithm is written once, as a generator of such
 * questions; the verifier answers them from a received proof, the prover from its own data. The two can then not disagree
 * about order or omission.
 */
export type Question =
  /** The timestamp (ms) of a log entry. Answered with a number. */
  | { readonly kind: 'timestamp'; readonly position: number }
  /**
   * A search binary ladder (KT §6.2) from the prefix tree of a log entry whose timestamp is known. With `omit`, lookups
   * whose outcome was shown already are left out: inclusions to the left, non-inclusions to the right. Answered with a
   * {@link LadderVerdict}.
   */
  | { readonly kind: 'search-ladder'; readonly position: number; readonly target: number; readonly omit: boolean };

/** The answer to a {@link Question}: a timestamp, or a verdict. */
export type Answer = number;

/** An algorithm that asks for evidence and comes to a result, or throws the reason why the evidence does not do. */
export type Algorithm<T> = Generator<Question, T, Answer>;

/** Asks for the timestamp of an entry, in ms. */
export function* askTimestamp(position: number): Algorithm<number> {
  return yield { kind: 'timestamp', position };
}

/** Asks what an entry's search ladder for `target` says. */
export function* askSearchLadder(position: number, target: number, omit: boolean): Algorithm<LadderVerdict> {
  return (yield { kind: 'search-ladder', position, target, omit }) as LadderVerdict;
}

/** Runs an algorithm that needs nothing but timestamps. */
export function* onTimestamps<T>(algorithm: TimestampAlgorithm<T>): Algorithm<T> {
  let step = algorithm.next();
  while (step.done !== true) step = algorithm.next(yield* askTimestamp(step.value));
  return step.value;
}

/** Positions whose data a verifier retained with a tree of `last` entries: its frontier. Empty for no tree. */
export function retainedPositions(last: number | undefined): readonly number[] {
  return last === undefined ? [] : frontier(last);
}
