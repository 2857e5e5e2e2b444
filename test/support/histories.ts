import fc from 'fast-check';
import type { ReferenceEntry } from './reference-log.ts';

export const LABELS = ['alice', 'bob', 'carol'] as const;

/** The window of the histories below: some gaps are longer, most are shorter. */
export const WINDOW_MS = 1000;

/** Random histories: bursts and pauses, entries without changes and with several. */
export function historyArbitrary(maxLength: number): fc.Arbitrary<ReferenceEntry[]> {
  const entry = fc.record({
    gapMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 }), fc.integer({ min: 900, max: 2500 })),
    labels: fc.subarray([...LABELS], { maxLength: LABELS.length }),
  });
  const start = fc.constantFrom(0, 500, 1_700_000_000_000);
  return fc.tuple(start, fc.array(entry, { minLength: 1, maxLength })).map(([startMs, entries]) => {
    let timestampMs = startMs;
    return entries.map(({ gapMs, labels }) => {
      timestampMs += gapMs;
      return { timestampMs, labels };
    });
  });
}
