import { assert, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextTimestamp } from '../../../src/service/sequencing/clock-guard.ts';

const LIMITS = { maxClockAheadMs: 1_000, maxClockBehindMs: 100 };

describe('nextTimestamp', () => {
  it('never decreases, and refuses a clock out of bounds', () => {
    assert(
      property(integer({ min: -2_000, max: 2_000 }), (offset) => {
        const last = 1_000_000;
        const allowed = offset <= 1_000 && offset >= -100;
        if (allowed) expect(nextTimestamp(last, last + offset, LIMITS)).toBe(last + Math.max(offset, 0));
        else
          expect(() => nextTimestamp(last, last + offset, LIMITS)).toThrow(
            expect.objectContaining({ code: 'clock-skew' }),
          );
      }),
      { numRuns: 200 },
    );
  });
});
