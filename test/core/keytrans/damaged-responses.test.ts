import { describe, expect, it } from 'vitest';
import { type DamageReport, tryDamaged } from '../../support/damage/damaged-operation.ts';
import { inThreads } from '../../support/damage/damage-threads.ts';
import { Collector, LOG_KINDS, OPERATIONS } from '../../support/damage/honest-answers.ts';

/** Damaged answers to each operation. With GLASSKEY_DAMAGED as many as it says, in threads, from many logs. */
const MANY = process.env['GLASSKEY_DAMAGED'];
const COUNT = Number(MANY ?? 300);
const ENTRIES = 60;
const SEED = Number(process.env['GLASSKEY_SEED'] ?? 7);
/** A verification that takes as long hangs. */
const MOST_MS = 5000;
/** Damaged answers from one log. */
const PER_LOG = 2500;

describe.skipIf(MANY !== undefined)('damaged answers', () => {
  const collectors = LOG_KINDS.map((kind, i) => {
    return { kind, operations: new Collector(kind, SEED + i, ENTRIES).operations };
  });

  describe.each(OPERATIONS)('to %s', (name) => {
    const kinds = collectors.filter(({ operations }) => operations.some((operation) => operation.name === name));

    it.each(kinds)('are refused, of a log of $kind', ({ operations }) => {
      const operation = operations.find((one) => one.name === name)!;
      expect(operation.answers.length).toBeGreaterThan(1);
      expectClean(tryDamaged(operation, SEED, Math.ceil(COUNT / kinds.length)));
    });
  });
});

describe.skipIf(MANY === undefined)('a great many damaged answers', () => {
  it.each(OPERATIONS)(
    'to %s are refused',
    async (operation) => {
      let tried = 0;
      for (let seed = SEED; tried < COUNT; seed += 100) {
        const jobs = LOG_KINDS.map((kind, i) => ({
          kind,
          operation,
          seed: seed + i,
          entries: ENTRIES,
          count: PER_LOG,
        }));
        const reports = (await inThreads(jobs)).filter((report) => report !== undefined);
        for (const report of reports) expectClean(report);
        tried += reports.reduce((sum, report) => sum + report.tried, 0);
        process.stderr.write(`${operation}: ${tried} tried, ${JSON.stringify(summary(reports))}\n`);
      }
    },
    24 * 3_600_000,
  );
});

function summary(reports: readonly DamageReport[]): object {
  const refused: Record<string, number> = {};
  for (const report of reports) {
    for (const [code, count] of Object.entries(report.refused)) refused[code] = (refused[code] ?? 0) + count;
  }
  const harmless = reports.reduce((sum, report) => sum + report.harmless, 0);
  return { harmless, slowestMs: Math.round(Math.max(...reports.map(({ slowestMs }) => slowestMs))), refused };
}

function expectClean({ failures, slowestMs }: DamageReport): void {
  expect(failures).toEqual([]);
  expect(slowestMs).toBeLessThan(MOST_MS);
}
