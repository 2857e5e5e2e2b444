import { describe, expect, it } from 'vitest';
import { type Question, runAlgorithm } from '../../../src/core/keytrans/evidence.ts';
import type { OwnerInitResponse } from '../../../src/core/keytrans/owner-init-messages.ts';
import { ownerInitialization } from '../../../src/core/keytrans/owner-init.ts';
import { ownerInitLadder, verifyOwnerInit } from '../../../src/core/keytrans/verify-owner-init.ts';
import { labelBytes, realVrf, ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { answerOwnerInit } from '../../support/reference-operations.ts';

const refused = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'GlasskeyError', code, message: expect.stringMatching(message) as string });

describe('the beginning of an ownership', () => {
  /** At entry 2 of three, with entry 1 at the root; all are distinguished. */
  function begin(
    claimed: readonly (number | undefined)[],
    verdicts: Record<number, number>,
    { maximumLifetimeMs, asked = [] }: { maximumLifetimeMs?: number; asked?: Question[] } = {},
  ) {
    const config = { ...referenceConfiguration(0), maximumLifetimeMs };
    const options = { size: 3, start: 2, notDistinguished: 'view-mismatch' } as const;
    return runAlgorithm(ownerInitialization(config, { ...options, claimed: (index) => claimed[index] }), (question) => {
      if (question.kind === 'timestamp') return [10, 50, 160][question.position]!;
      asked.push(question);
      return verdicts[question.position]!;
    });
  }

  it('is at each inspected entry what is claimed, by whole ladders', () => {
    const asked: Question[] = [];
    expect(begin([4, 2], { 2: 0, 1: 0 }, { asked })).toEqual([4, 2]);
    expect(asked).toEqual([
      { kind: 'search-ladder', position: 2, target: 4, omit: false },
      { kind: 'search-ladder', position: 1, target: 2, omit: false },
    ]);
    expect(begin([4, undefined], { 2: 0, 1: -1 })).toEqual([4, undefined]);
    expect(begin([undefined, undefined], { 2: -1, 1: -1 })).toEqual([undefined, undefined]);
    const another = refused('bad-ladder', /the greatest version at entry [12] is not/);
    for (const verdict of [-1, 1]) {
      expect(() => begin([4, 2], { 2: verdict, 1: 0 })).toThrow(another);
      expect(() => begin([4, 2], { 2: 0, 1: verdict })).toThrow(another);
    }
    for (const verdict of [0, 1]) expect(() => begin([4, undefined], { 2: 0, 1: verdict })).toThrow(another);
  });

  it('has no greater version further left', () => {
    const above = refused('bad-ladder', /the version at entry 1 is above one to its right/);
    expect(begin([4, 4], { 2: 0, 1: 0 })).toEqual([4, 4]);
    expect(() => begin([4, 5], { 2: 0, 1: 0 })).toThrow(above);
    expect(() => begin([undefined, 0], { 2: -1, 1: 0 })).toThrow(above);
  });

  it('asks for nothing of entries past their lifetime', () => {
    const asked: Question[] = [];
    expect(begin([4], { 2: 0 }, { maximumLifetimeMs: 110, asked })).toEqual([4]);
    expect(asked.map(({ position }) => position)).toEqual([2]);
    expect(begin([4, 2], { 2: 0, 1: 0 }, { maximumLifetimeMs: 111 })).toEqual([4, 2]);
  });
});

it('the ladder of an answer is that of all its versions, ascending', () => {
  expect(ownerInitLadder([])).toEqual([0]);
  expect(ownerInitLadder([0])).toEqual([0, 1]);
  expect(ownerInitLadder([5, 2])).toEqual([0, 1, 2, 3, 5, 6, 7]);
});

describe('an answer to who takes ownership', () => {
  const at = (timestampMs: number, ...labels: string[]) => ({ timestampMs, labels });
  const entries = [at(10_000, 'alice'), at(12_000, 'alice'), at(14_000), at(14_001), at(14_001)];
  const log = new ReferenceLog(referenceConfiguration(1000), realVrf, entries);
  const request = { last: undefined, label: labelBytes('alice'), start: 2 };
  const response = answerOwnerInit(log, { ...request, label: 'alice' });
  const verify = (but: Partial<OwnerInitResponse>, asked: Partial<typeof request> = {}) =>
    verifyOwnerInit(
      { config: log.config, view: undefined, nowMs: 14_001 },
      { ...request, ...asked },
      { ...response, ...but },
    );

  it('is for the size that was advertised', () => {
    expect(verify({}).owner).toMatchObject({ start: 2, versionAtStart: 1 });
    const view = log.view(3);
    const context = { config: log.config, view, nowMs: 14_001 };
    for (const last of [undefined, 2, 5]) {
      const verifying = () => verifyOwnerInit(context, { ...request, last }, response);
      expect(verifying).toThrow(refused('usage', /another size than the view has/));
    }
  });

  it('is of a distinguished entry of the log', () => {
    for (const start of [5, 6])
      expect(() => verify({}, { start })).toThrow(refused('view-mismatch', /the log has no entry/));
    expect(() => verify({}, { start: 4 })).toThrow(refused('view-mismatch', /entry 4 is not distinguished/));
  });

  it('gives a commitment for each version that exists, and for no other', () => {
    expect(response.greatestVersions).toEqual([1, 1]);
    const { binaryLadder } = response;
    for (const [i, step] of binaryLadder.entries()) {
      const commitment = step.commitment === undefined ? new Uint8Array(32) : undefined;
      const changed = { binaryLadder: binaryLadder.with(i, { ...step, commitment }) };
      expect(() => verify(changed)).toThrow(refused('bad-ladder', /commitment of version/));
    }
    const steps = refused('bad-ladder', /wrong number of steps/);
    expect(() => verify({ binaryLadder: binaryLadder.slice(1) })).toThrow(steps);
    expect(() => verify({ binaryLadder: [...binaryLadder, binaryLadder[0]!] })).toThrow(steps);
  });

  it('claims no more versions than entries are inspected', () => {
    const many = refused('bad-ladder', /more greatest versions than inspected log entries/);
    expect(() => verify({ greatestVersions: [1, 1, 0] })).toThrow(many);
    expect(() => verify({ greatestVersions: [1, 1, 0, 0] })).toThrow(many);
  });
});
