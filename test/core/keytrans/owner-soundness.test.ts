import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalBytes } from '../../../src/core/encoding/bytes.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import { baseBinaryLadder } from '../../../src/core/keytrans/binary-ladder.ts';
import type { MonitorMapEntry } from '../../../src/core/keytrans/contact-monitor-messages.ts';
import type { SearchResponse } from '../../../src/core/keytrans/messages.ts';
import { addToMonitorMap } from '../../../src/core/keytrans/monitor-map.ts';
import { expectedAt, greatestKnown, type OwnerState } from '../../../src/core/keytrans/owner-state.ts';
import { updateAndMonitor, verifyContactMonitor } from '../../../src/core/keytrans/verify-contact-monitor.ts';
import { verifyOwnerInit } from '../../../src/core/keytrans/verify-owner-init.ts';
import { updateAndMonitorOwned, verifyOwnerMonitor } from '../../../src/core/keytrans/verify-owner-monitor.ts';
import { verifyOwnerUpdate } from '../../../src/core/keytrans/verify-owner-update.ts';
import {
  updateAndSearch,
  updateAndSearchVersion,
  type VerifiedSearch,
  verifySearch,
} from '../../../src/core/keytrans/verify-search.ts';
import { type Forgery, ForgedLog, rogueVersion } from '../../support/forged-log.ts';
import { WINDOW_MS } from '../../support/histories.ts';
import { runs } from '../../support/random-histories.ts';
import { labelBytes, realVrf, referenceConfiguration, type ReferenceVersion } from '../../support/reference-log.ts';
import { answerOwnerInit, answerOwnerUpdate, headFor } from '../../support/reference-operations.ts';

const CONFIG = referenceConfiguration(WINDOW_MS);
const LABEL = 'alice';
const START_MS = 1_700_000_000_000;

/** Tells whether `run` finds a lie. */
function refuses(run: () => void): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (isGlasskeyError(error)) return true;
    throw error;
  }
}

function contextOf(log: ForgedLog, last: number | undefined) {
  const view = last === undefined ? undefined : log.view(last);
  return { config: CONFIG, view, nowMs: log.timestamps.at(-1)! };
}

/** The owner of the label, who does everything that KT §8.3 and §9 ask for. */
class Owner {
  readonly log: ForgedLog;
  last: number;
  state: OwnerState;
  readonly made = new Map<number, Uint8Array>();

  constructor(log: ForgedLog) {
    this.log = log;
    const response = answerOwnerInit(log, { label: LABEL, last: undefined, start: 0 });
    const request = { last: undefined, label: labelBytes(LABEL), start: 0 };
    const { view, owner } = verifyOwnerInit(contextOf(log, undefined), request, response);
    this.last = view.size;
    this.state = owner;
  }

  get #versions(): number {
    return this.log.versionPositions(LABEL).length;
  }

  /** Is told of every new version. */
  update(): void {
    while ((greatestKnown(this.state) ?? -1) < this.#versions - 1) {
      const { log, last, state } = this;
      const greatestVersion = greatestKnown(state);
      const response = answerOwnerUpdate(log, { label: LABEL, last, greatestVersion });
      const request = { last, label: labelBytes(LABEL), greatestVersion, values: [] };
      const verified = verifyOwnerUpdate(contextOf(log, last), request, response, state);
      for (const { version, commitment } of verified.created) this.made.set(version, commitment);
      this.last = verified.view.size;
      this.state = verified.owner;
    }
  }

  /** Monitors until the log goes on no more; `stops` tells whether it stops before the next distinguished entry. */
  monitor(stops: () => boolean): void {
    const { log, last, state } = this;
    const algorithm = updateAndMonitorOwned(CONFIG, last, state.entries, {
      size: log.size,
      start: state.start,
      expectedAt: (position) => expectedAt(state, position),
      greatest: greatestKnown(state),
    });
    const plan = log.plan(LABEL, last, algorithm, stops);
    const response = { fullTreeHead: headFor(log, last), monitor: log.prove(plan, LABEL) };
    const verified = verifyOwnerMonitor(contextOf(log, last), response, state);
    this.last = verified.view.size;
    this.state = verified.owner;
  }
}

/** Somebody who looks the label up once, and then monitors what they must. */
class Contact {
  readonly log: ForgedLog;
  readonly search: VerifiedSearch;
  #last: number;
  #entries: readonly MonitorMapEntry[];

  constructor(log: ForgedLog, search: VerifiedSearch) {
    this.log = log;
    this.search = search;
    this.#last = search.view.size;
    this.#entries = search.monitor === undefined ? [] : addToMonitorMap([], search.monitor);
  }

  /** Who believes that a rogue version is the greatest, or is the one of that number; undefined where it is refused. */
  static whoBelieves(log: ForgedLog, { version, rogue }: Lie, search: 'greatest' | 'fixed'): Contact | undefined {
    let contact: Contact | undefined;
    const walk = search === 'greatest' ? updateAndSearch : updateAndSearchVersion;
    refuses(() => {
      const plan = log.plan(LABEL, undefined, walk(CONFIG, log.size, undefined, version));
      const response: SearchResponse = {
        fullTreeHead: headFor(log, undefined),
        version: search === 'greatest' ? version : undefined,
        opening: rogue.opening,
        value: rogue.update,
        binaryLadder: baseBinaryLadder(version).map((step) => ({
          proof: realVrf(LABEL, step).proof,
          commitment:
            step !== version && plan.shown.showedInclusion(step)
              ? log.versions.get(LABEL)?.[step]?.commitment
              : undefined,
        })),
        search: log.prove(plan, LABEL),
      };
      const named = search === 'greatest' ? undefined : version;
      const request = { last: undefined, label: labelBytes(LABEL), version: named };
      contact = new Contact(log, verifySearch(contextOf(log, undefined), request, response));
    });
    return contact;
  }

  monitor(): void {
    const { log } = this;
    if (this.#entries.length === 0) return;
    const request = { last: this.#last, label: labelBytes(LABEL), entries: this.#entries };
    const algorithm = updateAndMonitor(CONFIG, log.size, this.#last, this.#entries);
    const monitor = log.prove(log.plan(LABEL, this.#last, algorithm), LABEL);
    const response = { fullTreeHead: headFor(log, this.#last), monitor };
    const verified = verifyContactMonitor(contextOf(log, this.#last), request, response, this.search.ladder);
    this.#last = verified.view.size;
    this.#entries = verified.entries;
  }
}

/** A stretch of forged entries, each of which holds another value of `version`. */
interface Lie {
  readonly version: number;
  readonly rogue: ReferenceVersion;
  /** Whether the entries lack the versions above it. */
  readonly isGreatest: boolean;
  remaining: number;
}

/** Who notices a lie that somebody believed. */
interface Outcome {
  believed: boolean;
  by: 'owner' | 'contact' | undefined;
}

/** A log that lies, an owner and contacts, who do what they must. */
class Play {
  readonly log = new ForgedLog(CONFIG, realVrf, [{ timestampMs: START_MS, labels: [] }]);
  readonly owner = new Owner(this.log);
  readonly lies: Lie[] = [];
  readonly believers: Contact[] = [];
  readonly outcome: Outcome = { believed: false, by: undefined };
  readonly next: (count: number) => number;
  /** Whether the log waits until nobody has to monitor what they are shown. */
  readonly #isPatient: boolean;
  /** How many lies it tells. */
  readonly #lies: number;

  constructor(next: (count: number) => number) {
    this.next = next;
    this.#isPatient = next(3) > 0;
    this.#lies = 1 + next(2);
  }

  /** Fails where a lie that was believed is noticed by nobody. */
  run(): Outcome {
    let timestampMs = START_MS;
    for (let i = 0; i < 26; i++) {
      timestampMs += this.next(9) === 0 ? 900 + this.next(1500) : this.next(60);
      this.#append(timestampMs);
      if (!this.#isPatient && this.next(3) === 0) this.#deceive();
      if (this.#isNoticed(() => this.next(3) === 0)) return this.outcome;
    }
    // Time goes by, and everybody catches up.
    for (let i = 0; i < 4; i++) this.log.append({ timestampMs: (timestampMs += 3000), labels: [] });
    if (this.#isNoticed(() => true, true)) return this.outcome;
    this.#deceive();
    for (const { search } of this.believers) {
      const { version, terminalPosition } = search;
      const made = this.owner.made.get(version);
      const isTrue = made !== undefined && equalBytes(made, search.commitment);
      expect(isTrue, `version ${version} at entry ${terminalPosition} is noticed by nobody`).toBe(true);
    }
    return this.outcome;
  }

  #append(timestampMs: number): void {
    const { log, lies, next } = this;
    const own = next(4) === 0 ? Array.from({ length: 1 + next(2) }, () => LABEL) : [];
    log.append({ timestampMs, labels: next(2) === 0 ? own : [...own, 'bob'] });
    const isLying = (lies.at(-1)?.remaining ?? 0) > 0;
    if (!isLying && next(3) === 0 && lies.length < this.#lies) {
      // Where the version is even, the ladders of its greater neighbour end before they come to it.
      const near = Math.max(0, log.versionPositions(LABEL).length - next(3));
      const version = next(3) === 0 ? near : near - (near % 2);
      const rogue = rogueVersion(LABEL, version, log.size - 1);
      lies.push({ version, rogue, isGreatest: next(2) === 0, remaining: [1, 1, 1, 2, 4][next(5)]! });
    }
    const lie = lies.at(-1);
    if (lie === undefined || lie.remaining === 0) return;
    lie.remaining--;
    log.forge({ label: LABEL, version: lie.version, commitment: lie.rogue.commitment });
    if (!lie.isGreatest) return;
    for (let above = lie.version + 1; above < log.versionPositions(LABEL).length; above++) {
      log.forge({ label: LABEL, version: above, commitment: undefined });
    }
  }

  /** Tries to make somebody believe each lie. */
  #deceive(): void {
    for (const lie of this.lies) {
      for (const search of ['greatest', 'fixed'] as const) {
        const contact = Contact.whoBelieves(this.log, lie, search);
        if (contact === undefined) continue;
        this.believers.push(contact);
        this.outcome.believed = true;
      }
    }
  }

  #isNoticed(takesTurn: () => boolean, isEnd = false): boolean {
    const { owner, believers, outcome } = this;
    if (believers.some((contact) => takesTurn() && refuses(() => contact.monitor()))) {
      outcome.by = 'contact';
    } else if (takesTurn()) {
      const isFound = refuses(() => {
        owner.update();
        if (takesTurn()) owner.monitor(() => !isEnd && this.next(3) === 0);
      });
      if (isFound) outcome.by = 'owner';
    }
    return outcome.by !== undefined;
  }
}

describe('a version that the owner did not make', () => {
  it('is noticed by whoever believed it or by the owner, wherever it was in the log', () => {
    const { numRuns } = runs(30);
    const found = { owner: 0, contact: 0 };
    fc.assert(
      fc.property(fc.infiniteStream(fc.noBias(fc.nat())), (choices) => {
        const { believed, by } = new Play((count) => choices.next().value! % count).run();
        if (by !== undefined && believed) found[by]++;
      }),
      { numRuns },
    );
    // About every fifth log finds a believer.
    if (numRuns >= 500) expect(Math.min(found.owner, found.contact)).toBeGreaterThan(0);
  });

  /**
   * Entries within one window: 7 and 15 are distinguished, 8 to 14 are not. What a search for version 2 comes to that goes
   * down to them, later, nobody monitors any more: that the owner checked them is all that it relies on.
   */
  const crowded = (created: Readonly<Record<number, number>>, forgeries: readonly (Forgery & { at: number })[]) => {
    const log = new ForgedLog(CONFIG, realVrf, []);
    let owner: Owner | undefined;
    for (let position = 0; position < 17; position++) {
      const labels = Array.from({ length: created[position] ?? 0 }, () => LABEL);
      log.append({ timestampMs: START_MS + position, labels });
      for (const forgery of forgeries) if (forgery.at === position) log.forge(forgery);
      owner ??= new Owner(log);
    }
    return { log, owner: owner! };
  };
  const rogue = rogueVersion(LABEL, 2, 9);
  const forgery = (at: number, version: number, commitment?: Uint8Array) => ({ at, label: LABEL, version, commitment });

  it.each([
    {
      where: 'before it was made',
      created: { 8: 2, 10: 2 },
      forgeries: [forgery(9, 2, rogue.commitment)],
      by: 'update' as const,
    },
    {
      where: 'where it was made',
      created: { 8: 2, 10: 1, 11: 1 },
      forgeries: [forgery(10, 2, rogue.commitment)],
      by: 'update' as const,
    },
    {
      where: 'after it was made',
      created: { 8: 4 },
      forgeries: [forgery(9, 2, rogue.commitment), forgery(9, 3)],
      by: 'monitor' as const,
    },
  ])('that is in one log entry only, $where, is noticed by the owner', ({ created, forgeries, by }) => {
    const { log, owner } = crowded(created, forgeries);
    const lie = { version: 2, rogue, isGreatest: true, remaining: 0 };
    const contact = Contact.whoBelieves(log, lie, 'fixed');
    expect(contact?.search).toMatchObject({ commitment: rogue.commitment, mustMonitor: false });
    const isTold = refuses(() => owner.update());
    expect(isTold).toBe(by === 'update');
    if (!isTold) expect(refuses(() => owner.monitor(() => false))).toBe(true);
  });

  it('is not missed where an update omits what a distinguished entry has yet to show', () => {
    // The owner knows version 0 from entry 2. Entry 7 hides it, and a ladder at entry 9 does not look it up again.
    const { log, owner } = crowded({ 2: 1, 10: 1 }, [forgery(7, 0)]);
    const inspected = answerOwnerUpdate(log, { label: LABEL, last: undefined, greatestVersion: 0 });
    expect(inspected.update.prefixProofs.map(({ results }) => results.length)).toEqual([1, 3]);
    owner.update();
    expect(greatestKnown(owner.state)).toBe(1);
    expect(() => owner.monitor(() => false)).toThrow(expect.objectContaining({ code: 'version-rolled-back' }));
  });

  it('that appears before it was made is unexpected, also where it is the same', () => {
    const honest = crowded({ 8: 2, 10: 2 }, []).log.versions.get(LABEL)!;
    for (const at of [3, 9]) {
      const early = crowded(
        { 8: 2, 10: 2 },
        [0, 1, 2].map((version) => forgery(at, version, honest[version]!.commitment)),
      );
      const run = () => {
        early.owner.update();
        early.owner.monitor(() => false);
      };
      expect(run).toThrow(expect.objectContaining({ code: 'unexpected-version' }));
    }
  });

  it('does not upset the owner where there is none', () => {
    const { owner, log } = crowded({ 2: 1, 8: 2, 10: 2, 15: 1, 16: 3 }, []);
    owner.update();
    owner.monitor(() => false);
    expect(owner.state).toMatchObject({ start: 15, versionAtStart: 5, entries: [{ position: 16, version: 8 }] });
    expect([...owner.made.values()]).toEqual(log.versions.get(LABEL)!.map(({ commitment }) => commitment));
  });
});
