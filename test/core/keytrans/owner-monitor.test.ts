import { describe, expect, it } from 'vitest';
import { type Question, runAlgorithm } from '../../../src/core/keytrans/evidence.ts';
import { ownerMonitoring } from '../../../src/core/keytrans/owner-monitor.ts';
import { greatestKnown, type OwnerState } from '../../../src/core/keytrans/owner-state.ts';
import { verifyOwnerInit } from '../../../src/core/keytrans/verify-owner-init.ts';
import { ownerMonitorRequest, verifyOwnerMonitor } from '../../../src/core/keytrans/verify-owner-monitor.ts';
import { verifyOwnerUpdate } from '../../../src/core/keytrans/verify-owner-update.ts';
import {
  labelBytes,
  realVrf,
  type ReferenceEntry,
  ReferenceLog,
  referenceConfiguration,
} from '../../support/reference-log.ts';
import { answerOwnerInit, answerOwnerMonitor, answerOwnerUpdate } from '../../support/reference-operations.ts';

const LABEL = 'alice';
const label = labelBytes(LABEL);
const config = referenceConfiguration(1000);
const at = (timestampMs: number, ...labels: string[]): ReferenceEntry => ({ timestampMs, labels });
const refused = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'GlasskeyError', code, message: expect.stringMatching(message) as string });

describe('the walk of an owner', () => {
  /** Which entries of a log of three are inspected, with the root at 1. */
  function inspected(windowMs: number, start: number): number[] {
    const asked: Question[] = [];
    const options = { size: 3, windowMs, start, expectedAt: () => 0, greatest: 0 };
    runAlgorithm(ownerMonitoring(options), (question) => {
      asked.push(question);
      return question.kind === 'timestamp' ? [5, 10, 20][question.position]! : question.kind === 'go-on' ? 1 : 0;
    });
    return asked.filter(({ kind }) => kind === 'search-ladder').map(({ position }) => position);
  }

  it('is of all distinguished entries right of where it starts', () => {
    expect(inspected(10, 0)).toEqual([1, 2]);
    expect(inspected(11, 0)).toEqual([1]);
    expect(inspected(10, 1)).toEqual([2]);
    expect(inspected(10, 2)).toEqual([]);
    expect(inspected(20, 0)).toEqual([1]);
    expect(inspected(21, 0)).toEqual([]);
  });
});

/** An owner from entry 1 on, in a log that holds `before` and grows. */
class Owner {
  state: OwnerState;
  readonly log: ReferenceLog;

  constructor(before: readonly ReferenceEntry[]) {
    this.log = new ReferenceLog(config, realVrf, before);
    const request = { last: undefined, label, start: 1 };
    this.state = verifyOwnerInit(this.context, request, answerOwnerInit(this.log, { ...request, label: LABEL })).owner;
  }

  get context() {
    return { config, view: undefined, nowMs: this.log.timestamps.at(-1)! };
  }

  update(): void {
    const request = { last: undefined, label, greatestVersion: greatestKnown(this.state), values: [] };
    const response = answerOwnerUpdate(this.log, { ...request, label: LABEL });
    this.state = verifyOwnerUpdate(this.context, request, response, this.state).owner;
  }

  monitor(): boolean {
    const response = answerOwnerMonitor(this.log, LABEL, ownerMonitorRequest(this.state, undefined));
    const { owner, complete } = verifyOwnerMonitor(this.context, response, this.state);
    this.state = owner;
    return complete;
  }
}

describe('an owner', () => {
  // Entry 2 is below entry 3, which is not distinguished before entry 7 is there: then a second has passed since entry 1.
  const BEGINNING = [at(10_000, LABEL), at(12_000), at(12_010, LABEL)];
  const MORE = [at(12_020), at(12_030), at(12_040), at(12_050), at(12_060)];

  it('monitors a version until the owner has seen the distinguished entry above it', () => {
    const owner = new Owner(BEGINNING);
    owner.update();
    expect(owner.state.entries).toEqual([{ position: 2, version: 1 }]);
    for (const entry of MORE) owner.log.append(entry);
    // A version that the owner is not told of stops the monitoring before the entry that holds it.
    owner.log.append(at(14_000, LABEL));
    owner.log.append(at(16_000));
    expect(owner.monitor()).toBe(false);
    owner.update();
    expect(greatestKnown(owner.state)).toBe(2);
    expect(owner.monitor()).toBe(true);
    const start = owner.log.size - 1;
    expect(owner.state).toMatchObject({ start, versionAtStart: 2, upcoming: [], entries: [] });
  });

  it('keeps what a stopped round leaves open', () => {
    // The root is entry 3. It is distinguished, and holds a version that the owner is not told of in this round.
    const owner = new Owner(BEGINNING);
    owner.update();
    owner.log.append(at(12_020, LABEL));
    owner.log.append(at(16_000));
    const before = owner.state;
    expect(owner.monitor()).toBe(false);
    expect(owner.state).toMatchObject({
      start: 1,
      versionAtStart: 0,
      upcoming: before.upcoming,
      entries: [{ position: 2, version: 1 }],
    });
    owner.update();
    expect(owner.monitor()).toBe(true);
    expect(owner.state).toMatchObject({ versionAtStart: 2, upcoming: [], entries: [] });
  });

  it('drops nothing of what lies right of where it came to', () => {
    const owner = new Owner(BEGINNING);
    owner.update();
    expect(owner.monitor()).toBe(true);
    expect(owner.state).toMatchObject({ start: 1, upcoming: [{ position: 2, version: 1 }] });
    expect(owner.state.entries).toEqual([{ position: 2, version: 1 }]);
  });

  it('was shown no log without the entries that it knows', () => {
    const owner = new Owner(BEGINNING);
    owner.update();
    const { state, log, context } = owner;
    const response = answerOwnerMonitor(log, LABEL, ownerMonitorRequest(state, undefined));
    const lacking = (but: Partial<OwnerState>) => () => verifyOwnerMonitor(context, response, { ...state, ...but });
    expect(lacking({})).not.toThrow();
    for (const position of [3, 4]) {
      const shorter = refused('view-mismatch', new RegExp(`the log has no entry ${position}`));
      expect(lacking({ upcoming: [{ position, version: 1 }] })).toThrow(shorter);
      expect(lacking({ entries: [{ position, version: 1 }] })).toThrow(shorter);
      expect(lacking({ start: position, upcoming: [], entries: [] })).toThrow(shorter);
    }
  });
});
