import { describe, expect, it } from 'vitest';
import type { Configuration } from '../../../src/core/keytrans/configuration.ts';
import { type Algorithm, type Question, runAlgorithm } from '../../../src/core/keytrans/evidence.ts';
import { fixedVersionSearch } from '../../../src/core/keytrans/fixed-version-search.ts';
import { absenceSearch, greatestVersionSearch } from '../../../src/core/keytrans/greatest-version-search.ts';
import { referenceConfiguration } from '../../support/reference-log.ts';

// What the algorithms make of each answer, apart from any proof that could give it. Logs of three entries: the root is 1.
const refused = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'GlasskeyError', code, message: expect.stringMatching(message) as string });

/** Runs an algorithm on timestamps, and on verdicts and counts by position. */
function run<T>(
  algorithm: Algorithm<T>,
  answers: Record<number, number>,
  timestamps = [10, 20, 30],
  asked: Question[] = [],
): T {
  return runAlgorithm(algorithm, (question) => {
    asked.push(question);
    return question.kind === 'timestamp' ? timestamps[question.position]! : answers[question.position]!;
  });
}

describe('a search for the greatest version', () => {
  const search = (answers: Record<number, number>) => run(greatestVersionSearch(3, 1000, 4), answers);

  it('ends at the leftmost inspected entry that holds it', () => {
    expect(search({ 1: 0, 2: 0 })).toEqual({ terminalPosition: 1, rightmostDistinguished: undefined });
    expect(search({ 1: -1, 2: 0 })).toEqual({ terminalPosition: 2, rightmostDistinguished: undefined });
  });

  it('is refused where an entry holds a greater one, or the rightmost entry not this one', () => {
    expect(() => search({ 1: 1, 2: 0 })).toThrow(refused('bad-ladder', /entry 1 contains a greater version than 4/));
    expect(() => search({ 1: 0, 2: 1 })).toThrow(refused('bad-ladder', /entry 2 contains a greater version than 4/));
    expect(() => search({ 1: 0, 2: -1 })).toThrow(refused('bad-ladder', /rightmost entry does not contain version 4/));
    expect(() => search({ 1: -1, 2: -1 })).toThrow(refused('bad-ladder', /rightmost entry does not contain/));
  });

  it('finds no label that an entry holds to be absent', () => {
    const absent = (answers: Record<number, number>) => run(absenceSearch(3, 1000), answers);
    expect(absent({ 1: -1, 2: -1 })).toBeUndefined();
    for (const answers of [
      { 1: 0, 2: -1 },
      { 1: -1, 2: 0 },
      { 1: -1, 2: 1 },
    ]) {
      expect(() => absent(answers)).toThrow(refused('bad-ladder', /contains version 0 of a label said to be absent/));
    }
  });
});

describe('a search for one version', () => {
  const CONFIG = referenceConfiguration(1000);
  const asksFor = (questions: Question[]) => questions.filter(({ kind }) => kind !== 'timestamp');
  const ladder = (position: number) => ({ kind: 'search-ladder', position, target: 4, omit: true });

  it('asks nothing more of an entry in which it is the greatest', () => {
    const asked: Question[] = [];
    expect(run(fixedVersionSearch(CONFIG, 3, 4), { 1: 1, 0: 0 }, undefined, asked).terminalPosition).toBe(0);
    expect(asksFor(asked)).toEqual([ladder(1), ladder(0)]);
  });

  it('looks it up beside a greater one', () => {
    const asked: Question[] = [];
    const answer = (included: number) => (question: Question) => {
      asked.push(question);
      if (question.kind === 'timestamp') return 10;
      return question.kind === 'lookups' ? included : question.position === 1 ? 1 : -1;
    };
    expect(runAlgorithm(fixedVersionSearch(CONFIG, 3, 4), answer(1)).terminalPosition).toBe(1);
    expect(asksFor(asked)).toEqual([ladder(1), ladder(0), { kind: 'lookups', position: 1, versions: [4] }]);
    const without = () => runAlgorithm(fixedVersionSearch(CONFIG, 3, 4), answer(0));
    expect(without).toThrow(refused('bad-ladder', /entry 1 does not contain version 4/));
  });

  it('is refused where no entry holds it', () => {
    const search = () => run(fixedVersionSearch(CONFIG, 3, 4), { 1: -1, 2: -1 });
    expect(search).toThrow(refused('bad-ladder', /no log entry contains version 4/));
  });

  it('right of an expired entry counts where its own is distinguished: the owner had to look there', () => {
    const within = (reasonableMonitoringWindowMs: number): Configuration => {
      return { ...CONFIG, reasonableMonitoringWindowMs, maximumLifetimeMs: 100 };
    };
    // Entry 1 is 110 ms old; between it and the rightmost one are 110 ms.
    const search = (windowMs: number) => run(fixedVersionSearch(within(windowMs), 3, 4), { 2: 0 }, [10, 50, 160]);
    expect(search(109).terminalPosition).toBe(2);
    expect(search(110).terminalPosition).toBe(2);
    expect(() => search(111)).toThrow(refused('version-expired', /version 4 is past its lifetime/));
    expect(() => search(161)).toThrow(refused('version-expired', /version 4 is past its lifetime/));
  });
});
