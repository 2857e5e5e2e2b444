import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import { rightmostDistinguished, runOnTimestamps } from '../../../src/core/keytrans/distinguished.ts';
import { runAlgorithm } from '../../../src/core/keytrans/evidence.ts';
import { ownerInitResponseCodec } from '../../../src/core/keytrans/owner-init-messages.ts';
import { ownerMonitoring } from '../../../src/core/keytrans/owner-monitor.ts';
import { ownerMonitorResponseCodec } from '../../../src/core/keytrans/owner-monitor-messages.ts';
import { greatestKnown, type OwnerState, ownerStateCodec } from '../../../src/core/keytrans/owner-state.ts';
import { updateResponseCodec } from '../../../src/core/keytrans/update-messages.ts';
import { verifyOwnerInit } from '../../../src/core/keytrans/verify-owner-init.ts';
import { ownerMonitorRequest, verifyOwnerMonitor } from '../../../src/core/keytrans/verify-owner-monitor.ts';
import { verifyOwnerUpdate } from '../../../src/core/keytrans/verify-owner-update.ts';
import { WINDOW_MS } from '../../support/histories.ts';
import { denseHistories, runs } from '../../support/random-histories.ts';
import {
  labelBytes,
  realVrf,
  type ReferenceEntry,
  ReferenceLog,
  referenceConfiguration,
} from '../../support/reference-log.ts';
import { answerOwnerInit, answerOwnerMonitor, answerOwnerUpdate } from '../../support/reference-operations.ts';

const CONFIG = referenceConfiguration(WINDOW_MS);
const LABEL = 'alice';
const refused = (...codes: string[]) =>
  expect.toSatisfy((error: unknown) => isGlasskeyError(error) && codes.includes(error.code));

/** The owner of a label in a log that grows. */
class Owner {
  readonly log: ReferenceLog;
  last: number | undefined;
  state: OwnerState | undefined;

  constructor(log: ReferenceLog) {
    this.log = log;
  }

  get context() {
    const view = this.last === undefined ? undefined : this.log.view(this.last);
    return { config: this.log.config, view, nowMs: this.log.timestamps.at(-1)! };
  }

  get rightmost(): number | undefined {
    const { log } = this;
    return runOnTimestamps(rightmostDistinguished(log.size, WINDOW_MS), (position) => log.timestamps[position]!);
  }

  begin(start: number): OwnerState {
    const { last } = this;
    const response = answerOwnerInit(this.log, { label: LABEL, last, start });
    const codec = ownerInitResponseCodec(CONFIG);
    const request = { last, label: labelBytes(LABEL), start };
    const verified = verifyOwnerInit(this.context, request, decode(codec, encode(codec, response)));
    return this.#keep(verified.owner, verified.view.size);
  }

  /** Processes the versions of the next log entry that created some; false where there is none. */
  update(): boolean {
    const state = this.state!;
    const { last } = this;
    const greatestVersion = greatestKnown(state);
    if (greatestVersion === this.#trueGreatest) return false;
    const response = answerOwnerUpdate(this.log, { label: LABEL, last, greatestVersion });
    const codec = updateResponseCodec(CONFIG);
    const request = { last, label: labelBytes(LABEL), greatestVersion, values: [] };
    const verified = verifyOwnerUpdate(this.context, request, decode(codec, encode(codec, response)), state);
    expect(verified.created.map(({ version }) => this.log.versions.get(LABEL)![version]!.position)).toEqual(
      verified.created.map(() => verified.position),
    );
    this.#keep(verified.owner, verified.view.size);
    return true;
  }

  monitor(pretended?: { readonly versionPositions: readonly number[] }): boolean {
    const state = this.state!;
    const request = ownerMonitorRequest(state, this.last);
    const response = answerOwnerMonitor(this.log, LABEL, request, pretended);
    const codec = ownerMonitorResponseCodec(CONFIG);
    const verified = verifyOwnerMonitor(this.context, decode(codec, encode(codec, response)), state);
    this.#keep(verified.owner, verified.view.size);
    return verified.complete;
  }

  get #trueGreatest(): number | undefined {
    const { length } = this.log.versionPositions(LABEL);
    return length === 0 ? undefined : length - 1;
  }

  #keep(state: OwnerState, size: number): OwnerState {
    this.last = size;
    expect(decode(ownerStateCodec, encode(ownerStateCodec, state))).toEqual(state);
    this.state = state;
    return state;
  }

  /** Processes and monitors all there is, and checks what that comes to. */
  catchUp(): void {
    while (this.update());
    while (!this.monitor());
    const { log, rightmost } = this;
    expect(greatestKnown(this.state!)).toBe(this.#trueGreatest);
    expect(this.state!.start).toBe(rightmost);
    expect(this.state!.entries.every(({ position }) => position > rightmost!)).toBe(true);
    expect(log.size).toBe(this.last);
  }
}

function grow(log: ReferenceLog, entries: readonly ReferenceEntry[]): void {
  for (const entry of entries) log.append(entry);
}

/** A log with an owner, whose label has versions 0 and 1, from a distinguished entry on. */
function ownedLog(): { log: ReferenceLog; owner: Owner } {
  const at = (timestampMs: number, ...labels: string[]): ReferenceEntry => ({ timestampMs, labels });
  const log = new ReferenceLog(CONFIG, realVrf, [
    at(10_000, LABEL),
    at(12_000, 'bob'),
    at(14_000, LABEL),
    at(16_000, 'bob'),
  ]);
  const owner = new Owner(log);
  owner.begin(3);
  owner.catchUp();
  return { log, owner };
}

describe('an owner', () => {
  it('begins anywhere, follows any log, and knows in the end what there is', () => {
    fc.assert(
      fc.property(denseHistories(14), denseHistories(14), fc.nat(3), fc.boolean(), (first, later, step, lazy) => {
        const log = new ReferenceLog(CONFIG, realVrf, first);
        const owner = new Owner(log);
        const { rightmost } = owner;
        fc.pre(rightmost !== undefined);
        owner.begin(rightmost);
        if (!lazy) owner.catchUp();
        const startMs = first.at(-1)!.timestampMs - later[0]!.timestampMs;
        const rest = later.map((entry) => ({ ...entry, timestampMs: entry.timestampMs + startMs }));
        for (let i = 0; i < rest.length; i += step + 1) {
          grow(log, rest.slice(i, i + step + 1));
          owner.catchUp();
        }
        owner.catchUp();
      }),
      runs(60),
    );
  });

  it('is stopped before a version that it does not know, and is then told of it', () => {
    const { log, owner } = ownedLog();
    grow(log, [
      { timestampMs: 18_000, labels: ['bob'] },
      { timestampMs: 20_000, labels: [LABEL] },
      { timestampMs: 22_000, labels: ['bob'] },
      { timestampMs: 24_000, labels: [] },
    ]);
    expect(owner.monitor()).toBe(false);
    expect(greatestKnown(owner.state!)).toBe(1);
    expect(owner.update()).toBe(true);
    expect(greatestKnown(owner.state!)).toBe(2);
    owner.catchUp();
  });

  it('notices a version that the log does not admit, and keeps its state', () => {
    const { log, owner } = ownedLog();
    grow(log, [
      { timestampMs: 20_000, labels: [LABEL] },
      { timestampMs: 22_000, labels: [] },
    ]);
    const before = owner.state;
    const versionPositions = log.versionPositions(LABEL).slice(0, -1);
    expect(() => owner.monitor({ versionPositions })).toThrow(refused('unexpected-version'));
    expect(owner.state).toBe(before);
  });

  it('notices a version that was taken back', () => {
    const { log, owner } = ownedLog();
    grow(log, [{ timestampMs: 20_000, labels: [], removed: [{ label: LABEL, version: 1 }] }]);
    expect(() => owner.monitor()).toThrow(refused('version-rolled-back', 'bad-ladder'));
  });

  it('notices a false version that the log held before the one that it is told of', () => {
    const { log, owner } = ownedLog();
    const taken = { label: LABEL, version: 2 };
    grow(log, [
      { timestampMs: 16_050, labels: ['bob'] },
      { timestampMs: 16_100, labels: [LABEL] },
      { timestampMs: 16_150, labels: [], removed: [taken] },
    ]);
    log.versions.get(LABEL)!.pop();
    grow(log, [{ timestampMs: 16_200, labels: [LABEL] }]);
    expect(() => owner.update()).toThrow(refused('unexpected-version', 'bad-ladder'));
  });

  it('tells a version too many from one too few', () => {
    const run = (verdict: number) =>
      runAlgorithm(
        ownerMonitoring({ size: 2, windowMs: 0, start: 0, expectedAt: () => 1, greatest: 1 }),
        ({ kind, position }) => (kind === 'timestamp' ? position : kind === 'go-on' ? 1 : verdict),
      );
    expect(run(0)).toEqual({ verified: 1, complete: true });
    expect(() => run(1)).toThrow(refused('unexpected-version'));
    expect(() => run(-1)).toThrow(refused('version-rolled-back'));
  });

  it('refuses a beginning that is not distinguished, has another version, or leaves one out', () => {
    const log = new ReferenceLog(
      CONFIG,
      realVrf,
      Array.from({ length: 8 }, (_, i) => ({
        timestampMs: 10_000 + (i < 7 ? 2_000 * i : 12_010),
        labels: i === 1 || i === 4 ? [LABEL] : [],
      })),
    );
    expect(() => new Owner(log).begin(7)).not.toThrow();
    log.append({ timestampMs: 22_020, labels: [] });
    expect(() => new Owner(log).begin(8)).toThrow(refused('invalid-request'));
    const request = { last: undefined, label: labelBytes(LABEL), start: 5 };
    const { context } = new Owner(log);
    const honest = answerOwnerInit(log, { ...request, label: LABEL });
    expect(honest.greatestVersions).toEqual([1, 0]);
    expect(verifyOwnerInit(context, request, honest).owner.versionAtStart).toBe(1);
    const lies = [
      { ...honest, greatestVersions: [1] },
      { ...honest, greatestVersions: [1, 1] },
      { ...honest, greatestVersions: [1, 0, 0] },
      { ...honest, binaryLadder: honest.binaryLadder.slice(1) },
      { ...honest, binaryLadder: honest.binaryLadder.map(({ proof }) => ({ proof, commitment: undefined })) },
    ];
    for (const lie of lies) {
      expect(() => verifyOwnerInit(context, request, lie)).toThrow(
        refused('bad-ladder', 'bad-prefix-proof', 'unexpected-version'),
      );
    }
  });
});

describe('answers to an owner', () => {
  it('are refused with any byte changed', () => {
    const { log, owner } = ownedLog();
    grow(log, [
      { timestampMs: 16_050, labels: ['bob'] },
      { timestampMs: 16_100, labels: [LABEL, LABEL] },
      { timestampMs: 16_150, labels: ['bob'] },
    ]);
    const { context, last } = owner;
    const state = owner.state!;
    const label = labelBytes(LABEL);
    const update = { last, label, greatestVersion: 1, values: [] };
    const init = { last, label, start: 3 };
    const cases = [
      [
        ownerInitResponseCodec(CONFIG),
        answerOwnerInit(log, { ...init, label: LABEL }),
        (answer: never) => verifyOwnerInit(context, init, answer),
      ],
      [
        updateResponseCodec(CONFIG),
        answerOwnerUpdate(log, { ...update, label: LABEL }),
        (answer: never) => verifyOwnerUpdate(context, update, answer, state),
      ],
    ] as const;
    for (const [codec, answer, verify] of cases) {
      const bytes = encode(codec as never, answer as never);
      verify(decode(codec as never, bytes));
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (index, flip) => {
          const damaged = bytes.slice();
          damaged[index] = (damaged[index] ?? 0) ^ flip;
          expect(() => verify(decode(codec as never, damaged))).toThrow(
            expect.objectContaining({ name: 'GlasskeyError' }),
          );
        }),
        runs(150),
      );
    }
  });
});
