import { ensure } from '../errors.ts';
import { type Algorithm, askSearchLadder, askTimestamp } from './evidence.ts';
import { updateView } from './update-view.ts';

/** The testimony of two log entries about a version. */
export interface Stood {
  /** The timestamps of the two entries, ms. */
  readonly firstMs: number;
  readonly secondMs: number;
}

/** The version in question, and the two entries between which it must have been the greatest. */
export interface StandingOptions {
  readonly size: number;
  readonly version: number;
  readonly first: number;
  readonly second: number;
}

/**
 * Updates the view, then inspects two log entries. Each must hold `version` of the label and no later one, by a
 * complete search ladder of its own (docs/spec.md#standing). A log only adds versions, so no later version existed
 * between the two either. Throws `bad-ladder` if an entry contradicts this.
 */
export function* updateAndStand(last: number | undefined, options: StandingOptions): Algorithm<Stood> {
  const { size, version, first, second } = options;
  yield* updateView(size, last);
  const firstMs = yield* askTimestamp(first);
  yield* inspect(first, version);
  const secondMs = yield* askTimestamp(second);
  yield* inspect(second, version);
  return { firstMs, secondMs };
}

/** The ladder omits nothing: neither entry's evidence counts for the other. */
function* inspect(position: number, version: number): Algorithm<void> {
  const verdict = yield* askSearchLadder(position, version, false);
  ensure(verdict === 0, 'bad-ladder', `version ${version} is not the greatest at entry ${position}`);
}
