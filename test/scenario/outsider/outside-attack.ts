import type { ErrorCode } from '../../../src/core/error-codes.ts';
import type { TestName } from '../../docs/test-titles.ts';

/** What somebody can try who is not the server, or what can befall the server. */
export interface OutsideAttack {
  /** What is tried, after "somebody tries to", or what happens. */
  readonly attack: string;
  /** What comes of it. */
  readonly outcome: string;
  /** The codes by which it is refused or reported, if any. */
  readonly codes: readonly ErrorCode[];
  /** The tests that carry it out, anywhere in `test/`. */
  readonly tests: readonly TestName[];
}
