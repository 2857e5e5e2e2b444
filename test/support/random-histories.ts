import fc from 'fast-check';
import { LABELS } from './histories.ts';
import type { ReferenceEntry } from './reference-log.ts';

/** How many runs a property makes: more with GLASSKEY_RUNS. */
export function runs(byDefault: number): { numRuns: number } {
  return { numRuns: Number(process.env['GLASSKEY_RUNS'] ?? byDefault) };
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
