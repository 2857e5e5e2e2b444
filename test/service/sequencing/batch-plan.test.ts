import { array, assert, nat, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planEntries } from '../../../src/service/sequencing/batch-plan.ts';

describe('planEntries', () => {
  it('puts a label at most once into an entry, in order, and loses nothing', () => {
    assert(
      property(array(nat(8), { maxLength: 60 }), nat(4), (labels, extra) => {
        const items = labels.map((label, id) => ({ label, id }));
        const entries = planEntries(items, ({ label }) => `${label}`, extra + 1);
        expect(
          entries
            .flat()
            .map(({ id }) => id)
            .toSorted((a, b) => a - b),
        ).toEqual(items.map(({ id }) => id));
        for (const entry of entries) {
          expect(entry.length).toBeGreaterThan(0);
          expect(entry.length).toBeLessThanOrEqual(extra + 1);
          expect(new Set(entry.map(({ label }) => label)).size).toBe(entry.length);
        }
        for (const label of new Set(labels)) {
          const ids = entries.flat().filter((item) => item.label === label);
          expect(ids.map(({ id }) => id)).toEqual(ids.map(({ id }) => id).toSorted((a, b) => a - b));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('fills entries of distinct labels', () => {
    const entries = planEntries([...Array(600).keys()], String, 255);
    expect(entries.map((entry) => entry.length)).toEqual([255, 255, 90]);
  });
});
