import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Algorithm, askTimestamp, type Question } from '../../../src/core/keytrans/evidence.ts';
import { planEvidence } from '../../../src/core/keytrans/plan-evidence.ts';
import { ShownLookups } from '../../../src/core/keytrans/shown-lookups.ts';
import { updateView } from '../../../src/core/keytrans/update-view.ts';
import { verifyCombined } from '../../../src/core/keytrans/verify-combined.ts';
import { historyArbitrary, WINDOW_MS } from '../../support/histories.ts';
import { expectTrue, keysOf } from '../../support/reference-checks.ts';
import { fakeVrf, ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';

const config = referenceConfiguration(WINDOW_MS);

/** An algorithm that asks arbitrary questions, and remembers the answers. */
function* asking(size: number, last: number | undefined, questions: readonly Question[]): Algorithm<number[]> {
  yield* updateView(size, last);
  const answers: number[] = [];
  for (const question of questions) {
    yield* askTimestamp(question.position);
    answers.push(yield question);
  }
  return answers;
}

function questionArbitrary(size: number): fc.Arbitrary<Question> {
  const position = fc.integer({ min: 0, max: size - 1 });
  const target = fc.integer({ min: 0, max: 6 });
  const versions = fc.uniqueArray(fc.integer({ min: 0, max: 8 }), { maxLength: 4 });
  return fc.oneof(
    fc.record({ kind: fc.constant('timestamp' as const), position }),
    fc.record({ kind: fc.constant('search-ladder' as const), position, target, omit: fc.boolean() }),
    fc.record({ kind: fc.constant('monitoring-ladder' as const), position, target }),
    fc.record({ kind: fc.constant('lookups' as const), position, versions }),
  );
}

describe('omission', () => {
  it('carries inclusions to the right and absences to the left, whatever the order', () => {
    for (const order of [
      [3, 5],
      [5, 3],
    ]) {
      const shown = new ShownLookups();
      for (const position of order) {
        const lookups = [
          { version: 0, included: true },
          { version: 9, included: false },
        ];
        shown.recordAll(position, lookups);
      }
      expect([2, 3, 4, 5, 6].map((position) => shown.outcome(0, position))).toEqual([
        undefined,
        undefined,
        true,
        true,
        true,
      ]);
      expect([2, 3, 4, 5, 6].map((position) => shown.outcome(9, position))).toEqual([
        false,
        false,
        false,
        undefined,
        undefined,
      ]);
    }
  });

  it('counts a ladder whose outcome is known, but not as shown', () => {
    const shown = new ShownLookups();
    shown.recordKnown({ kind: 'known-ladder', position: 4, target: 2, greatest: 2 });
    expect(shown.outcome(1, 5)).toBe(true);
    expect(shown.outcome(3, 3)).toBe(false);
    expect(shown.showedInclusion(1)).toBe(false);
  });
});

describe('evidence', () => {
  const conversations = historyArbitrary(20).chain((entries) =>
    fc.record({
      log: fc.constant(entries).map((history) => new ReferenceLog(config, fakeVrf, history)),
      last: fc.option(fc.integer({ min: 1, max: entries.length }), { nil: undefined }),
      questions: fc.array(questionArbitrary(entries.length), { maxLength: 8 }),
      known: fc.option(fc.record({ position: fc.nat(entries.length - 1), target: fc.nat(6) }), { nil: undefined }),
    }),
  );

  it('is the same for the prover and the verifier of any algorithm', () => {
    fc.assert(
      fc.property(conversations, ({ log, last, questions, known }) => {
        const { size } = log;
        const versionPositions = log.versionPositions('alice');
        const asked: Question[] = [...questions];
        if (known !== undefined) {
          const greatest = versionPositions.filter((position) => position <= known.position).length - 1;
          asked.unshift({ kind: 'known-ladder', ...known, greatest });
        }
        const planned = planEvidence({
          size,
          last,
          auditedSize: undefined,
          versionPositions,
          source: { timestamp: (position) => log.timestamps[position] },
          likely: [],
          algorithm: asking(size, last, asked),
        });
        if (!planned.done) throw new Error('no timestamp is missing');
        const verified = verifyCombined({
          proof: log.prove(planned.evidence, 'alice'),
          size,
          view: last === undefined ? undefined : log.view(last),
          auditedSize: undefined,
          keys: keysOf(
            log,
            'alice',
            Array.from({ length: 20 }, (_, version) => version),
          ),
          algorithm: asking(size, last, asked),
        });
        expect(verified.result).toEqual(planned.result);
        expectTrue(log, verified);
        for (let version = 0; version < 20; version++) {
          expect(verified.shown.showedInclusion(version)).toBe(planned.shown.showedInclusion(version));
        }
        for (const [i, question] of asked.entries()) expectAnswer(log, question, verified.result[i]!);
      }),
    );
  });

  it('names the timestamps that are missing, one fetch after the other', () => {
    const log = new ReferenceLog(
      config,
      fakeVrf,
      [1, 2, 3, 4, 5].map((timestampMs) => ({ timestampMs, labels: [] })),
    );
    const known = new Map<number, number>();
    const plan = () =>
      planEvidence({
        size: 5,
        last: undefined,
        auditedSize: undefined,
        versionPositions: [],
        source: { timestamp: (position) => known.get(position) },
        likely: [3, 4],
        algorithm: asking(5, undefined, [{ kind: 'timestamp', position: 1 }]),
      });
    expect(plan()).toEqual({ done: false, missing: [3, 4] });
    known.set(3, 4).set(4, 5);
    expect(plan()).toEqual({ done: false, missing: [1] });
    known.set(1, 2);
    expect(plan()).toMatchObject({ done: true, result: [2], evidence: { timestamps: [4, 5, 2] } });
    expect(log.size).toBe(5);
  });
});

/** The answer that the definitions give. */
function expectAnswer(log: ReferenceLog, question: Question, answer: number): void {
  const greatest = log.versionPositions('alice').filter((position) => position <= question.position).length - 1;
  switch (question.kind) {
    case 'timestamp':
      return expect(answer).toBe(log.timestamps[question.position]);
    case 'search-ladder':
      return expect(answer).toBe(Math.sign(greatest - question.target));
    case 'monitoring-ladder':
      return expect(answer).toBe(greatest >= question.target ? 0 : -1);
    case 'lookups':
      return expect(answer).toBe(question.versions.filter((version) => version <= greatest).length);
    case 'known-ladder':
      return expect(answer).toBe(0);
    case 'go-on':
      return expect(answer).toBe(greatest <= (question.expected ?? -1) ? 1 : 0);
  }
}
