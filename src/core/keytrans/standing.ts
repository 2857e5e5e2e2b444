import { ensure } from '../errors.ts';
import { type Algorithm, askSearchLadder, askTimestamp } from './evidence.ts';
import { updateView } from './update-view.ts';

/** What two log entries say of a version. */
export interface Stood {
  /** Timestamps of the two entries, ms. */
  readonly firstMs: number;
  readonly secondMs: number;
}

/** Between which entries a version is to have been the greatest. */
export interface StandingOptions {
  readonly size: number;
  readonly version: number;
  readonly first: number;
  readonly second: number;
}

/**
 * Updates the view, then looks at two log entries: each must hold `version` of the label and no later one, by a whole search
 * ladder of its own (docs/spec.md, "Standing"). Since a log only adds, no later version was there between the two either.
 * Throws `bad-ladder` where an entry says otherwise.
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

/** Nothing is omitted: neither entry's word counts for the other. */
function* inspect(position: number, version: number): Algorithm<void> {
  const verdict = yield* askSearchLadder(position, version, false);
  ensure(verdict === 0, 'bad-ladder', `version ${version} is not the greatest at entry ${position}`);
}
