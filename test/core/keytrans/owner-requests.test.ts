import { describe, expect, it } from 'vitest';
import type { Algorithm } from '../../../src/core/keytrans/evidence.ts';
import { assertProvable, planEvidence } from '../../../src/core/keytrans/plan-evidence.ts';
import { planOwnerInit, planOwnerMonitor, planOwnerUpdate } from '../../../src/core/keytrans/plan-owner.ts';
import { ownerUpdateLadder } from '../../../src/core/keytrans/verify-owner-update.ts';
import { fakeVrf, ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { planWith } from '../../support/reference-operations.ts';

const refused = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'GlasskeyError', code, message: expect.stringMatching(message) as string });

// Every entry is distinguished. The label has versions 0 and 1 in entry 2, and 2 and 3 in entry 4.
const config = referenceConfiguration(0);
const entries = [[], [], ['alice', 'alice'], [], ['alice', 'alice'], []].map((labels, i) => {
  return { timestampMs: 1000 + i, labels };
});
const log = new ReferenceLog(config, fakeVrf, entries);
const versionPositions = log.versionPositions('alice');
const options = { config, size: 6, auditedSize: undefined, versionPositions };

const init = (start: number, last?: number) =>
  planWith(log, (source) => planOwnerInit({ ...options, source, request: { last, start } })).plan;
const monitor = (start: number, greatestVersion: number | undefined, last?: number) => {
  const request = { last, start, entries: [], greatestVersion };
  return planWith(log, (source) => planOwnerMonitor({ ...options, source, request }), log.size).plan;
};
const update = (greatestVersion: number | undefined, last?: number) =>
  planWith(log, (source) => planOwnerUpdate({ ...options, source, request: { last, greatestVersion } })).plan;

describe('an owner', () => {
  it('asks for a log that there was', () => {
    const unseen = refused('invalid-request', /no log of -?\d+ entries was seen/);
    for (const plan of [
      (last: number) => init(3, last),
      (last: number) => monitor(3, 3, last),
      (last: number) => update(1, last),
    ]) {
      for (const last of [-1, 0, 7]) expect(() => plan(last)).toThrow(unseen);
      for (const last of [1, 6]) expect(() => plan(last)).not.toThrow();
    }
  });

  it('begins and goes on at an entry of the log', () => {
    expect(init(5).greatestVersions).toEqual([3, 1]);
    expect(init(1).greatestVersions).toEqual([]);
    for (const start of [6, 7]) {
      expect(() => init(start)).toThrow(refused('invalid-request', /is not in a log of 6/));
      expect(() => monitor(start, 3)).toThrow(refused('invalid-request', /is not in a log of 6/));
    }
  });

  it('knows of versions that there are, and of all where it goes on', () => {
    expect(monitor(5, 3).lookups).toEqual([]);
    expect(monitor(3, 3).lookups.map(({ position }) => position)).toEqual([4, 5]);
    // Stopped before entry 4, which holds more.
    expect(monitor(1, 1).lookups.map(({ position }) => position)).toEqual([2, 3]);
    expect(monitor(0, undefined).lookups.map(({ position }) => position)).toEqual([1]);
    for (const version of [4, 5]) {
      expect(() => monitor(5, version)).toThrow(refused('invalid-request', /the label has no version/));
    }
    expect(() => monitor(5, 2)).toThrow(refused('invalid-request', /version 3 existed at entry 5 already/));
    expect(() => monitor(2, undefined)).toThrow(refused('invalid-request', /version 1 existed at entry 2 already/));
  });

  it('is told of the next entry that created versions, if there is one', () => {
    expect(update(undefined)).toMatchObject({ position: 2, created: [0, 1] });
    expect(update(0)).toMatchObject({ position: 2, created: [1] });
    expect(update(1)).toMatchObject({ position: 4, created: [2, 3] });
    expect(update(1).ladder.map(({ version }) => version)).toEqual(ownerUpdateLadder(1, [2, 3]));
    expect(update(1).ladder.every(({ committed }) => !committed)).toBe(true);
    expect(() => update(3)).toThrow(refused('search-not-found', /no version was created since/));
    for (const version of [4, 5]) {
      expect(() => update(version)).toThrow(refused('invalid-request', /the label has no version/));
    }
  });
});

describe('an answer', () => {
  const list = <T>(length: number, one: T): T[] => Array.from({ length }, () => one);

  it('holds 255 of each kind of evidence at most', () => {
    const evidence = {
      timestamps: list(255, 1),
      lookups: [],
      prefixRootPositions: list(255, 1),
      logNodes: list(999, { level: 0, index: 0 }),
    };
    assertProvable(evidence);
    assertProvable({ ...evidence, lookups: list(255, { position: 0, versions: [] }) });
    const tooMuch = refused('invalid-request', /more evidence than one answer can hold/);
    expect(() => assertProvable({ ...evidence, timestamps: list(256, 1) })).toThrow(tooMuch);
    expect(() => assertProvable({ ...evidence, prefixRootPositions: list(256, 1) })).toThrow(tooMuch);
    const lookups = list(256, { position: 0, versions: [] });
    expect(() => assertProvable({ ...evidence, lookups })).toThrow(tooMuch);
  });

  /** What an algorithm gets from a log of 100 entries, of which entry 80 created version 0. */
  function asking<T>(algorithm: Algorithm<T>): T {
    const planned = planEvidence({
      size: 100,
      last: undefined,
      auditedSize: undefined,
      versionPositions: [80],
      source: { timestamp: (position) => position },
      likely: [],
      algorithm,
    });
    if (!planned.done) throw new Error('no timestamp is missing');
    return planned.result;
  }

  it('to an owner inspects 64 entries at most', () => {
    const inspect = function* (entries: number): Algorithm<number> {
      for (let position = 0; position < entries; position++) {
        yield { kind: 'timestamp', position };
        if ((yield { kind: 'go-on', position, expected: undefined }) === 0) return position;
        yield { kind: 'lookups', position, versions: [0] };
      }
      return entries;
    };
    expect([63, 64, 65, 80].map((count) => asking(inspect(count)))).toEqual([63, 64, 64, 64]);
  });

  it('to an owner stops before a version that the owner does not know', () => {
    const goOn = function* (expected: number | undefined): Algorithm<number[]> {
      return [yield { kind: 'go-on', position: 79, expected }, yield { kind: 'go-on', position: 80, expected }];
    };
    expect(asking(goOn(undefined))).toEqual([1, 0]);
    expect(asking(goOn(0))).toEqual([1, 1]);
  });
});
