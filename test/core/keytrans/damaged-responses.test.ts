import { describe, expect, it } from 'vitest';
import { type DamageReport, tryDamaged } from '../../support/damage/damaged-operation.ts';
import { Collector, LOG_KINDS, OPERATIONS } from '../../support/damage/honest-answers.ts';

/** Damaged answers to each operation: more with GLASSKEY_DAMAGED. */
const COUNT = Number(process.env['GLASSKEY_DAMAGED'] ?? 300);
const ENTRIES = 60;
const SEED = 7;
/** A verification that takes as long hangs. */
const MOST_MS = 2000;

describe('damaged answers', () => {
  const collectors = LOG_KINDS.map((kind, i) => ({
    kind,
    operations: new Collector(kind, SEED + i, ENTRIES).operations,
  }));

  describe.each(OPERATIONS)('to %s', (name) => {
    const kinds = collectors.filter(({ operations }) => operations.some((operation) => operation.name === name));

    it.each(kinds)('are refused, of a log of $kind', ({ operations }) => {
      const operation = operations.find((one) => one.name === name)!;
      expect(operation.answers.length).toBeGreaterThan(1);
      const report = tryDamaged(operation, SEED, Math.ceil(COUNT / kinds.length));
      expectClean(report);
    });
  });
});

function expectClean({ failures, slowestMs }: DamageReport): void {
  expect(failures).toEqual([]);
  expect(slowestMs).toBeLessThan(MOST_MS);
}
