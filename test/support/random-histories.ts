import fc from 'fast-check';
import { LABELS } from './histories.ts';
import type { ReferenceEntry } from './reference-log.ts';

/** What makes the runs below the same everywhere. */
const SEED = 9380;

/**
 * How many runs a property makes. They are the same ones each time, so that a test may also count what it has met; with
 * GLASSKEY_RUNS there are as many as it says, and other ones each time.
 */
export function runs(byDefault: number): { numRuns: number; seed?: number } {
  const wanted = process.env['GLASSKEY_RUNS'];
  return wanted === undefined ? { numRuns: byDefault, seed: SEED } : { numRuns: Number(wanted) };
}

/**
 * Random histories in which an entry may add several versions of one label. With small gaps most entries are not
 * distinguished in a window of 1000 ms, so that monitoring has something to inspect.
 */
export function denseHistories(maxLength: number): fc.Arbitrary<ReferenceEntry[]> {
  const entry = fc.record({
    gapMs: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 60 }) },
      { weight: 1, arbitrary: fc.integer({ min: 900, max: 2500 }) },
    ),
    labels: fc.array(fc.constantFrom(...LABELS), { maxLength: 3 }),
  });
  const start = fc.constantFrom(0, 500, 1_700_000_000_000);
  return fc.tuple(start, fc.array(entry, { minLength: 1, maxLength, size: 'max' })).map(([startMs, entries]) => {
    let timestampMs = startMs;
    return entries.map(({ gapMs, labels }) => {
      timestampMs += gapMs;
      return { timestampMs, labels };
    });
  });
}
