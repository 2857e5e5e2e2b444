import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { baseBinaryLadder, GREATEST_VERSION } from '../../../src/core/keytrans/binary-ladder.ts';
import { type Question, runAlgorithm } from '../../../src/core/keytrans/evidence.ts';
import { ownerUpdate, type OwnerUpdateOptions } from '../../../src/core/keytrans/owner-update.ts';
import { greatestKnown, type OwnerState, withoutUnneeded } from '../../../src/core/keytrans/owner-state.ts';
import {
  type UpdateRequest,
  type UpdateResponse,
  updateResponseCodec,
} from '../../../src/core/keytrans/update-messages.ts';
import { verifyUpdateValue } from '../../../src/core/keytrans/update-signature.ts';
import { verifyOwnerInit } from '../../../src/core/keytrans/verify-owner-init.ts';
import { ownerUpdateLadder, verifyOwnerUpdate } from '../../../src/core/keytrans/verify-owner-update.ts';
import {
  labelBytes,
  managedConfiguration,
  realVrf,
  type ReferenceEntry,
  ReferenceLog,
  referenceConfiguration,
} from '../../support/reference-log.ts';
import { answerOwnerInit, answerOwnerUpdate } from '../../support/reference-operations.ts';

const LABEL = 'alice';
const refused = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'GlasskeyError', code, message: expect.stringMatching(message) as string });

describe('the check of new versions', () => {
  /** A log of two entries; the second created version 1. */
  const OPTIONS: OwnerUpdateOptions = {
    size: 2,
    windowMs: 1000,
    position: 1,
    previous: 0,
    knownTo: -1,
    expectedAt: () => 0,
    created: [1],
  };

  function run(options: Partial<OwnerUpdateOptions>, verdicts: readonly number[], asked: Question[] = []) {
    return runAlgorithm(ownerUpdate({ ...OPTIONS, ...options }), (question) => {
      if (question.kind === 'timestamp') return 500 + question.position;
      asked.push(question);
      return question.kind === 'lookups' ? 1 : verdicts[question.position]!;
    });
  }

  it('tells what the log held before from what it holds now', () => {
    expect(run({}, [0, 0])).toEqual({ distinguished: false });
    expect(() => run({}, [1, 0])).toThrow(refused('unexpected-version', /entry 0 holds a version above 0/));
    expect(() => run({}, [-1, 0])).toThrow(refused('version-rolled-back', /entry 0 lacks version 0/));
    expect(() => run({}, [0, 1])).toThrow(refused('unexpected-version', /entry 1 holds a version above 1/));
    expect(() => run({}, [0, -1])).toThrow(refused('bad-ladder', /entry 1 does not hold version 1/));
  });

  it('finds no version at all before the first one', () => {
    const first = { previous: undefined, expectedAt: () => undefined, created: [0] };
    expect(run(first, [-1, 0])).toEqual({ distinguished: false });
    for (const verdict of [0, 1]) {
      expect(() => run(first, [verdict, 0])).toThrow(
        refused('unexpected-version', /entry 0 holds a version above none/),
      );
    }
    expect(run({ ...first, position: 0 }, [0])).toEqual({ distinguished: false });
  });

  it('asks for ladders that omit what was shown, and not again for what the owner knows', () => {
    const asked: Question[] = [];
    run({}, [0, 0], asked);
    const ladder = (position: number, target: number) => ({ kind: 'search-ladder', position, target, omit: true });
    expect(asked).toEqual([ladder(0, 0), ladder(1, 1)]);
    asked.length = 0;
    run({ knownTo: 0 }, [9, 0], asked);
    expect(asked).toEqual([{ kind: 'known-ladder', position: 0, target: 0, greatest: 0 }, ladder(1, 1)]);
    asked.length = 0;
    run({ knownTo: 0, expectedAt: () => undefined }, [9, 0], asked);
    expect(asked[0]).toEqual({ kind: 'known-ladder', position: 0, target: 0, greatest: -1 });
    // Where ownership began at an entry without the label, that entry is asked.
    asked.length = 0;
    run({ knownTo: 0, previous: undefined, created: [0] }, [-1, 0], asked);
    expect(asked).toEqual([ladder(0, 0), ladder(1, 0)]);
  });

  it('omits what a search would be shown at the rightmost distinguished entry, which it does not inspect', () => {
    // The previous tree has the frontier 1, 2. Entry 1 is distinguished: a search starts there.
    const log = { size: 4, position: 3, windowMs: 400, created: [1] };
    const ladder = (position: number, target: number) => ({ kind: 'search-ladder', position, target, omit: true });
    const asked: Question[] = [];
    run(log, [9, 9, 0, 0], asked);
    expect(asked).toEqual([{ kind: 'known-ladder', position: 1, target: 0, greatest: 0 }, ladder(2, 0)]);
    // Without a previous version, nothing could be omitted.
    asked.length = 0;
    run({ ...log, previous: undefined, created: [0] }, [9, 9, -1, 0], asked);
    expect(asked).toEqual([ladder(2, 0)]);
    // Where the previous tree is distinguished as a whole, there is no search (step 1).
    asked.length = 0;
    run({ ...log, size: 3, position: 2 }, [9, 9, 0], asked);
    expect(asked).toEqual([ladder(2, 1)]);
  });

  it('leaves a distinguished entry to the monitoring', () => {
    const asked: Question[] = [];
    expect(run({ windowMs: 0 }, [], asked)).toEqual({ distinguished: true });
    expect(asked).toEqual([]);
  });

  it('looks up what no ladder for the greatest version does', () => {
    const asked: Question[] = [];
    const created = [1, 2, 3, 4, 5, 6];
    expect(baseBinaryLadder(6)).toEqual([0, 1, 3, 7, 5, 6]);
    const some = () => run({ created }, [0, 0], asked);
    expect(some).toThrow(refused('bad-ladder', /entry 1 does not hold all new versions/));
    expect(asked.at(-1)).toEqual({ kind: 'lookups', position: 1, versions: [2, 4] });
  });

  it('is of some version', () => {
    expect(() => run({ created: [] }, [0, 0])).toThrow(refused('usage', /no new version/));
    expect(() => ownerUpdateLadder(0, [])).toThrow(refused('usage', /no new version/));
  });
});

describe('the ladder of new versions', () => {
  it('ascends, and repeats nothing that the owner holds', () => {
    expect(ownerUpdateLadder(undefined, [0])).toEqual([1]);
    expect(ownerUpdateLadder(undefined, [0, 1])).toEqual([1, 2, 3]);
    expect(ownerUpdateLadder(0, [1])).toEqual([2, 3]);
    expect(ownerUpdateLadder(1, [2])).toEqual([]);
    expect(ownerUpdateLadder(1, [2, 3, 4, 5, 6])).toEqual([4, 5, 6, 7]);
    for (let previous = -1; previous < 70; previous++) {
      const known = previous < 0 ? [0] : baseBinaryLadder(previous);
      for (let count = 1; count < 70; count += 3) {
        const created = Array.from({ length: count }, (_, i) => previous + 1 + i);
        const ladder = ownerUpdateLadder(previous < 0 ? undefined : previous, created);
        expect(ladder).toEqual(ladder.toSorted((a, b) => a - b));
        expect(ladder.every((version) => version > previous && !known.includes(version))).toBe(true);
        const all = new Set([...known, ...ladder]);
        expect([...created, ...baseBinaryLadder(previous + count)].every((version) => all.has(version))).toBe(true);
      }
    }
  });
});

it('a value is signed by the operator of a log that has one, and by nobody elsewhere', () => {
  const signature = new Uint8Array(64);
  const check = (managed: boolean, signed: boolean) => () => {
    const config = managed ? managedConfiguration(1000) : referenceConfiguration(1000);
    verifyUpdateValue(config, labelBytes(LABEL), 0, {
      value: labelBytes('value'),
      signature: signed ? signature : undefined,
    });
  };
  expect(check(false, false)).not.toThrow();
  expect(check(false, true)).toThrow(refused('bad-signature', /signed in a mode without signed updates/));
  expect(check(true, false)).toThrow(refused('bad-signature', /is not signed/));
  expect(check(true, true)).toThrow(refused('bad-signature', /./));
});

it('what an owner holds is what its ladders look up', () => {
  const commitment = new Uint8Array(32);
  const ladder = Array.from({ length: 20 }, (_, version) => ({ version, vrfOutput: commitment, commitment }));
  const state = { label: labelBytes(LABEL), start: 3, upcoming: [], entries: [], ladder };
  const held = (but: Partial<OwnerState>) =>
    withoutUnneeded({ ...state, versionAtStart: undefined, ...but }).ladder.map(({ version }) => version);
  expect(held({})).toEqual([0, 1]);
  expect(held({ versionAtStart: 4 })).toEqual([0, 1, 3, 4, 5, 7]);
  expect(held({ upcoming: [{ position: 5, version: 2 }] })).toEqual([0, 1, 2, 3]);
  expect(held({ entries: [{ position: 5, version: 8 }] })).toEqual([0, 1, 3, 7, 8, 9, 11, 15]);
});

describe('an answer with new versions', () => {
  const CONFIG = referenceConfiguration(1000);

  /** A log that an owner knows from its entry 1 on, where the label had version 0, and what came later. */
  function owned(later: readonly ReferenceEntry[], config = CONFIG) {
    const before = [
      { timestampMs: 10_000, labels: [LABEL] },
      { timestampMs: 12_000, labels: ['bob'] },
    ];
    const start = new ReferenceLog(config, realVrf, before);
    const init = { last: undefined, label: labelBytes(LABEL), start: 1 };
    const context = { config, view: undefined, nowMs: 12_000 };
    const { owner } = verifyOwnerInit(context, init, answerOwnerInit(start, { ...init, label: LABEL }));
    const log = new ReferenceLog(config, realVrf, [...before, ...later]);
    return { log, owner };
  }

  function ask(log: ReferenceLog, owner: OwnerState, last: number | undefined) {
    const request: UpdateRequest = { last, label: owner.label, greatestVersion: greatestKnown(owner), values: [] };
    return { request, response: answerOwnerUpdate(log, { ...request, label: LABEL }) };
  }

  function verify(
    log: ReferenceLog,
    owner: OwnerState,
    request: UpdateRequest,
    response: UpdateResponse,
    last = request.last,
  ) {
    const view = last === undefined ? undefined : log.view(last);
    return verifyOwnerUpdate({ config: log.config, view, nowMs: log.timestamps.at(-1)! }, request, response, owner);
  }

  // Entry 4 is below the root, too close to the rightmost one to be distinguished.
  const CLOSE = [
    { timestampMs: 12_010, labels: ['bob'] },
    { timestampMs: 12_015, labels: [] },
    { timestampMs: 12_020, labels: [LABEL, LABEL, LABEL] },
    { timestampMs: 12_030, labels: ['bob'] },
  ];
  const { log, owner } = owned(CLOSE);
  const { request, response } = ask(log, owner, 2);
  const check =
    (but: Partial<UpdateResponse>, asked: Partial<UpdateRequest> = {}) =>
    () =>
      verify(log, owner, { ...request, ...asked }, { ...response, ...but }, 2);

  it('adds to what the owner knows and monitors', () => {
    const verified = verify(log, owner, request, response);
    expect(verified).toMatchObject({ position: 4, proved: true });
    expect(verified.created.map(({ version }) => version)).toEqual([1, 2, 3]);
    expect(verified.owner).toMatchObject({
      start: 1,
      versionAtStart: 0,
      upcoming: [{ position: 4, version: 3 }],
      entries: [{ position: 4, version: 3 }],
    });
    expect(verified.view).toEqual(log.view(6));
    const fresh = ask(log, owner, undefined);
    expect(verify(log, owner, fresh.request, fresh.response).owner).toEqual(verified.owner);
  });

  it('leaves versions of a distinguished entry to be proved', () => {
    const far = owned([
      { timestampMs: 14_000, labels: [LABEL] },
      { timestampMs: 16_000, labels: ['bob'] },
    ]);
    const asked = ask(far.log, far.owner, 2);
    const verified = verify(far.log, far.owner, asked.request, asked.response);
    expect(verified).toMatchObject({ position: 2, proved: false });
    expect(verified.owner).toMatchObject({ upcoming: [{ position: 2, version: 1 }], entries: [] });
  });

  it('is for the question that was asked', () => {
    for (const last of [undefined, 1, 3]) {
      expect(check({}, { last })).toThrow(refused('usage', /another size than the view has/));
    }
    for (const greatestVersion of [undefined, 1]) {
      expect(check({}, { greatestVersion })).toThrow(refused('usage', /not about the greatest known version/));
    }
  });

  it('is of a log entry that the owner does not know yet, in the log', () => {
    for (const position of [0, 1]) {
      expect(check({ position })).toThrow(refused('bad-ladder', /is not right of entry 1, which is known/));
    }
    for (const position of [6, 7]) expect(check({ position })).toThrow(refused('bad-ladder', /is not in a log of 6/));
    for (const position of [2, 3, 5])
      expect(check({ position })).toThrow(expect.objectContaining({ fault: 'verification' }));
  });

  it('opens each value, which is told or was sent', () => {
    const { values, info } = response;
    const sent = verify(log, owner, { ...request, values }, { ...response, values: [] });
    expect(sent).toEqual(verify(log, owner, request, response));
    const count = refused('bad-ladder', /not have one opening for each value/);
    expect(check({ values: [], info: [] })).toThrow(count);
    expect(check({ info: [] })).toThrow(count);
    expect(check({ info: info.slice(1) })).toThrow(count);
    expect(check({ info: [...info, info[0]!] })).toThrow(count);
    expect(check({ values: values.slice(1) })).toThrow(count);
    expect(check({ values: values.toReversed() })).toThrow(refused('bad-prefix-proof', /./));
  });

  it('has no version above 2^32-1', () => {
    const at = (version: number) => {
      const state = { ...owner, upcoming: [{ position: 2, version }] };
      return () => verify(log, state, { ...request, greatestVersion: version }, response);
    };
    expect(at(GREATEST_VERSION - 3)).not.toThrow(/above/);
    expect(at(GREATEST_VERSION - 3)).toThrow(refused('bad-ladder', /wrong number of steps/));
    expect(at(GREATEST_VERSION - 2)).toThrow(refused('bad-ladder', /a version above 2\^32-1/));
    expect(at(GREATEST_VERSION)).toThrow(refused('bad-ladder', /a version above 2\^32-1/));
  });

  it('has a step for each version of the ladder, and no commitment that the owner would have to believe', () => {
    const { binaryLadder } = response;
    const steps = refused('bad-ladder', /wrong number of steps/);
    expect(check({ binaryLadder: binaryLadder.slice(1) })).toThrow(steps);
    expect(check({ binaryLadder: [...binaryLadder, binaryLadder[0]!] })).toThrow(steps);
    for (const [i, step] of binaryLadder.entries()) {
      const told = binaryLadder.with(i, { ...step, commitment: new Uint8Array(32) });
      expect(check({ binaryLadder: told })).toThrow(refused('bad-ladder', /commitment of version/));
    }
  });

  it('names versions that a manager left out, and they are there without a value', () => {
    const managed = owned(
      [
        { timestampMs: 12_010, labels: [LABEL], skipped: { [LABEL]: 3 } },
        { timestampMs: 12_020, labels: ['bob'] },
      ],
      managedConfiguration(1000),
    );
    const asked = ask(managed.log, managed.owner, 2);
    expect(asked.response).toMatchObject({ skippedVersions: 3 });
    const codec = updateResponseCodec(managed.log.config);
    const answered = decode(codec, encode(codec, asked.response));
    expect(answered).toEqual(asked.response);
    const verified = verify(managed.log, managed.owner, asked.request, answered);
    expect(verified.created.map(({ version }) => version)).toEqual([4]);
    const misplaced = refused('value-out-of-range', /a field against the deployment mode/);
    expect(() => encode(updateResponseCodec(CONFIG), asked.response)).toThrow(misplaced);
    expect(() => encode(codec, response)).toThrow(misplaced);
    expect(verified.owner.upcoming).toEqual([{ position: 2, version: 4 }]);
    const lie = (skippedVersions: number) => () =>
      verify(managed.log, managed.owner, asked.request, { ...asked.response, skippedVersions });
    for (const skipped of [0, 1, 2, 4, 5]) {
      expect(lie(skipped)).toThrow(expect.objectContaining({ fault: 'verification' }));
    }
    expect(lie(256)).toThrow(refused('bad-ladder', /too many skipped versions/));
    expect(lie(255)).not.toThrow(/too many/);
    expect(lie(255)).toThrow(expect.objectContaining({ fault: 'verification' }));
  });
});
