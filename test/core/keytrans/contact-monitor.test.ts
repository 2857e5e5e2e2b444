import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import {
  contactMonitorRequestCodec,
  type ContactMonitorResponse,
  contactMonitorResponseCodec,
  type MonitorMapEntry,
} from '../../../src/core/keytrans/contact-monitor-messages.ts';
import { contactMonitoring } from '../../../src/core/keytrans/contact-monitor.ts';
import { isDistinguished, runOnTimestamps } from '../../../src/core/keytrans/distinguished.ts';
import { runAlgorithm } from '../../../src/core/keytrans/evidence.ts';
import { directPath, frontier } from '../../../src/core/keytrans/implicit-search-tree.ts';
import { type KnownVersion, knownVersionCodec, mergeKnownVersions } from '../../../src/core/keytrans/known-version.ts';
import { addToMonitorMap } from '../../../src/core/keytrans/monitor-map.ts';
import { assertContactMonitorRequest, planContactMonitor } from '../../../src/core/keytrans/plan-contact-monitor.ts';
import { verifyContactMonitor } from '../../../src/core/keytrans/verify-contact-monitor.ts';
import { verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';
import { type VerifiedSearch, verifySearch } from '../../../src/core/keytrans/verify-search.ts';
import { expectCodecLaws } from '../encoding/codec-laws.ts';
import * as arbitrary from './message-arbitraries.ts';
import { LABELS, WINDOW_MS } from '../../support/histories.ts';
import { denseHistories, runs } from '../../support/random-histories.ts';
import {
  labelBytes,
  realVrf,
  type ReferenceEntry,
  ReferenceLog,
  referenceConfiguration,
} from '../../support/reference-log.ts';
import { answerContactMonitor, answerVersion, planWith } from '../../support/reference-operations.ts';
import { answerLookup } from '../../support/reference-prover.ts';

const CONFIG = referenceConfiguration(WINDOW_MS);
const refused = (code: string) => expect.objectContaining({ name: 'GlasskeyError', code });

/** A contact that looks `label` up and monitors what it has to. */
class Contact {
  readonly log: ReferenceLog;
  readonly label: string;
  last: number | undefined;
  entries: readonly MonitorMapEntry[] = [];
  readonly ladder = new Map<number, KnownVersion>();

  constructor(log: ReferenceLog, label = 'alice') {
    this.log = log;
    this.label = label;
  }

  get context() {
    const view = this.last === undefined ? undefined : this.log.view(this.last);
    return { config: this.log.config, view, nowMs: this.log.timestamps.at(-1)! };
  }

  lookUp(): VerifiedSearch | undefined {
    const { label, last } = this;
    const answer = answerLookup(this.log, { label, last });
    const result = verifyLookup(this.context, { last, label: labelBytes(label) }, answer);
    if (result.type === 'absent') return undefined;
    return this.#keep(result);
  }

  lookUpVersion(version: number): VerifiedSearch {
    const { label, last } = this;
    const response = answerVersion(this.log, { label, last, version });
    return this.#keep(verifySearch(this.context, { last, label: labelBytes(label), version }, response));
  }

  #keep(search: VerifiedSearch): VerifiedSearch {
    this.last = search.view.size;
    if (search.monitor !== undefined) this.entries = addToMonitorMap(this.entries, search.monitor);
    for (const known of search.ladder) {
      if (known.commitment !== undefined || !this.ladder.has(known.version)) this.ladder.set(known.version, known);
    }
    return search;
  }

  get request() {
    return { last: this.last, label: labelBytes(this.label), entries: this.entries };
  }

  ask(): ContactMonitorResponse {
    const { label, last, entries } = this;
    const versionPositions = this.log.versionPositions(label);
    assertContactMonitorRequest({ size: this.log.size, versionPositions, request: this.request });
    return answerContactMonitor(this.log, { label, last, entries });
  }

  verify(response: ContactMonitorResponse) {
    return verifyContactMonitor(this.context, this.request, response, [...this.ladder.values()]);
  }

  monitor() {
    const result = this.verify(this.ask());
    this.last = result.view.size;
    this.entries = result.entries;
    return result;
  }
}

function distinguishedIn(log: ReferenceLog, position: number): boolean {
  const walk = isDistinguished(position, log.size, log.config.reasonableMonitoringWindowMs);
  return runOnTimestamps(walk, (entry) => log.timestamps[entry]!);
}

/**
 * Entries within one window, so that only the root and the left spine are distinguished: of the entries above 20 in a log
 * of 40, the root (31) is, but 21 and 23 are not. Versions 0 to 3 of alice are at entries 18 to 21.
 */
function crowded(size: number, change: (entry: ReferenceEntry, position: number) => ReferenceEntry = (entry) => entry) {
  const entries = Array.from({ length: size }, (_, position) =>
    change({ timestampMs: 5000 + position, labels: position >= 18 && position < 22 ? ['alice'] : [] }, position),
  );
  return new ReferenceLog(CONFIG, realVrf, entries);
}

describe('contact monitoring', () => {
  it('follows every version that a contact was shown until a distinguished entry settles it', () => {
    let inspected = 0;
    let settled = 0;
    fc.assert(
      fc.property(denseHistories(50), fc.infiniteStream(fc.nat()), (history, choices) => {
        const log = new ReferenceLog(CONFIG, realVrf, []);
        const contact = new Contact(log, LABELS[choices.next().value! % 3]);
        const pick = (count: number) => choices.next().value! % count;
        let owed: { version: number; terminal: number }[] = [];
        for (const entry of history) {
          log.append(entry);
          const versions = log.versionPositions(contact.label).length;
          if (versions > 0 && pick(2) === 0) {
            const search = pick(2) === 0 ? contact.lookUp()! : contact.lookUpVersion(pick(versions));
            if (search.mustMonitor) owed.push({ version: search.version, terminal: search.terminalPosition });
          }
          if (contact.entries.length === 0 || pick(4) > 0) continue;
          const codec = contactMonitorResponseCodec(CONFIG);
          const response = decode(codec, encode(codec, contact.ask()));
          inspected += response.monitor.prefixProofs.length;
          const { entries, rightmostDistinguished } = contact.verify(response);
          contact.monitor();
          const known = rightmostDistinguished ?? -1;
          const onFrontier = new Set(frontier(log.size));
          for (const { position } of entries) {
            expect(onFrontier.has(position) && !distinguishedIn(log, position)).toBe(true);
          }
          for (const { version, terminal } of owed) {
            const above = [terminal, ...directPath(terminal, log.size).filter((other) => other > terminal)];
            const isSettled = above.some((position) => distinguishedIn(log, position));
            const isMonitored = entries.some((kept) => kept.version >= version && kept.position >= terminal);
            expect(isSettled || isMonitored).toBe(true);
            if (isSettled) expect(terminal <= known || above.some((position) => position <= known)).toBe(true);
            if (isSettled) settled++;
          }
          owed = owed.filter(({ terminal }) => terminal > known);
        }
      }),
      runs(20),
    );
    expect(inspected).toBeGreaterThan(20);
    expect(settled).toBeGreaterThan(20);
  });

  it('inspects the entries above, from the rightmost monitored one to the leftmost', () => {
    const contact = new Contact(crowded(21));
    contact.lookUp();
    expect(contact.entries).toEqual([{ position: 20, version: 2 }]);
    const log = crowded(40);
    const { plan, entries } = planWith(log, (source) =>
      planContactMonitor({
        config: CONFIG,
        size: 40,
        last: 21,
        entries: [
          { position: 18, version: 0 },
          { position: 20, version: 2 },
        ],
        versionPositions: log.versionPositions('alice'),
        source,
      }),
    );
    // The way up from 18 goes by 19 to 23, where a ladder for a greater version was provided already.
    expect(plan.lookups).toEqual([
      { position: 21, versions: [0, 1, 2] },
      { position: 23, versions: [0, 1, 2] },
      { position: 31, versions: [0, 1, 2] },
      { position: 19, versions: [0] },
    ]);
    expect(entries).toEqual([]);
  });

  it('asks for nothing twice, and verifies for a contact with several versions', () => {
    const history = Array.from({ length: 40 }, (_, i) => ({
      timestampMs: 10 * i,
      labels: i % 3 === 1 ? ['alice'] : [],
    }));
    const log = new ReferenceLog(CONFIG, realVrf, []);
    const contact = new Contact(log);
    for (const [i, entry] of history.entries()) {
      log.append(entry);
      if (i > 1 && i % 4 === 0) contact.lookUp();
      if (i % 7 === 6) contact.monitor();
      expect(contact.entries.length).toBeLessThanOrEqual(6);
    }
  });
});

describe('contact monitoring within owner monitoring', () => {
  const run = (entries: MonitorMapEntry[], ownerStart: number) => {
    const log = crowded(40);
    const inspected: number[] = [];
    const algorithm = contactMonitoring({ size: 40, windowMs: WINDOW_MS, entries, ownerStart });
    const result = runAlgorithm(algorithm, (question) => {
      if (question.kind === 'timestamp') return log.timestamps[question.position]!;
      inspected.push(question.position);
      return 0;
    });
    return { inspected, result };
  };

  it('leaves distinguished entries right of the start to the owner', () => {
    const { inspected, result } = run([{ position: 20, version: 2 }], 15);
    expect(inspected).toEqual([21, 23]);
    expect(result.entries).toEqual([]);
    expect(result.awaiting).toEqual([{ position: 23, version: 2, distinguished: 31 }]);
  });

  it('inspects them for entries left of the start', () => {
    const { inspected, result } = run([{ position: 20, version: 2 }], 21);
    expect(inspected).toEqual([21, 23, 31]);
    expect(result).toMatchObject({ entries: [], awaiting: [], rightmostDistinguished: 31 });
  });

  it('gives what waits for which entry, in order, and what still has none above it', () => {
    const entries = [
      { position: 17, version: 0 },
      { position: 20, version: 2 },
      { position: 35, version: 4 },
    ];
    const { inspected, result } = run(entries, 15);
    // The root of the right subtree, entry 39, is not distinguished.
    expect(inspected).toEqual([39, 21, 23, 19]);
    expect(result.entries).toEqual([{ position: 39, version: 4 }]);
    expect(result.awaiting).toEqual([{ position: 23, version: 2, distinguished: 31 }]);
  });
});

describe('known versions', () => {
  const known = (version: number, commitment?: number, key = version): KnownVersion => ({
    version,
    vrfOutput: new Uint8Array(32).fill(key),
    commitment: commitment === undefined ? undefined : new Uint8Array(32).fill(commitment),
  });

  it('are merged, and none is ever replaced by another value', () => {
    expect(mergeKnownVersions([known(3, 3), known(1)], [known(0, 0), known(1, 1), known(3)])).toEqual([
      known(0, 0),
      known(1, 1),
      known(3, 3),
    ]);
    expect(() => mergeKnownVersions([known(1, 1)], [known(1, 2)])).toThrow(refused('bad-commitment'));
    expect(() => mergeKnownVersions([known(1, 1)], [known(1, 1, 9)])).toThrow(refused('bad-commitment'));
  });

  it('are stored canonically', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const commitment = fc.option(hash, { nil: undefined });
    expectCodecLaws(knownVersionCodec, fc.record({ version: arbitrary.versions, vrfOutput: hash, commitment }));
  });
});

describe('contact monitoring notices', () => {
  /** A contact of a log of 21 entries, which then becomes another log with the same first entries. */
  function later(size: number, change: (entry: ReferenceEntry, position: number) => ReferenceEntry): Contact {
    const before = new Contact(crowded(21));
    before.lookUp();
    const contact = new Contact(crowded(size, change));
    contact.last = before.last;
    contact.entries = before.entries;
    for (const known of before.ladder.values()) contact.ladder.set(known.version, known);
    return contact;
  }
  const without = (at: number, version: number) => (entry: ReferenceEntry, position: number) =>
    position === at ? { ...entry, removed: [{ label: 'alice', version }] } : entry;

  it('a version that was taken back, and any below it on its ladder', () => {
    later(40, (entry) => entry).monitor();
    for (const version of [0, 1, 2]) {
      const contact = later(40, without(23, version));
      const response = contact.ask();
      expect(() => contact.verify(response)).toThrow(refused('version-rolled-back'));
    }
  });

  it('a version that was replaced by another value', () => {
    const contact = later(40, (entry) => entry);
    const known = contact.ladder.get(2)!;
    contact.ladder.set(2, { ...known, commitment: new Uint8Array(32).fill(7) });
    expect(() => contact.monitor()).toThrow(refused('bad-signature'));
  });

  it('another label, another map and another size', () => {
    const contact = later(40, (entry) => entry);
    const response = contact.ask();
    const bob = { ...contact.request, label: labelBytes('bob') };
    // The label is not in the proof, the search keys are: those of another label show other leaves.
    const ladder = [...contact.ladder.values()].map(({ version, commitment }) => {
      return { version, vrfOutput: realVrf('bob', version).output, commitment };
    });
    expect(() => verifyContactMonitor(contact.context, bob, response, ladder)).toThrow(
      expect.objectContaining({ name: 'GlasskeyError', fault: 'verification' }),
    );
    for (const entries of [[], [{ position: 19, version: 1 }], [{ position: 20, version: 1 }]]) {
      contact.entries = entries;
      expect(() => contact.verify(response)).toThrow(expect.objectContaining({ fault: 'verification' }));
    }
    const other = later(40, (entry) => entry);
    other.last = 30;
    other.entries = [];
    expect(() => other.verify(response)).toThrow(expect.objectContaining({ fault: 'verification' }));
  });

  it('any byte that was changed', () => {
    const contact = later(37, (entry) => entry);
    const codec = contactMonitorResponseCodec(CONFIG);
    const encoded = encode(codec, contact.ask());
    for (let i = 0; i < encoded.length; i++) {
      const changed = encoded.slice();
      changed[i]! ^= 1 << (i % 8);
      let error: unknown;
      try {
        contact.verify(decode(codec, changed));
      } catch (caught) {
        error = caught;
      }
      expect(isGlasskeyError(error), `byte ${i}`).toBe(true);
    }
  });
});

describe('monitoring maps', () => {
  const positions = [2, 3, 4, 5];
  const check = (entries: readonly MonitorMapEntry[], last?: number, size = 20) =>
    assertContactMonitorRequest({
      size,
      versionPositions: positions,
      request: { last, label: labelBytes('a'), entries },
    });
  const at = (position: number, version: number) => ({ position, version });

  it('are accepted where each position is that of the version or above it', () => {
    for (const entries of [[], [at(2, 0)], [at(3, 0)], [at(7, 0)], [at(15, 3)], [at(2, 0), at(3, 1), at(7, 3)]]) {
      check(entries, 20);
    }
  });

  it('are refused otherwise', () => {
    const invalid = refused('invalid-request');
    expect(() => check([at(4, 0)])).toThrow(invalid); // not above entry 2
    expect(() => check([at(1, 0)])).toThrow(invalid); // left of it
    expect(() => check([at(31, 0)])).toThrow(invalid); // beyond the log
    expect(() => check([at(7, 4)])).toThrow(invalid); // no such version
    expect(() => check([at(7, 2 ** 32 - 1)])).toThrow(invalid);
    expect(() => check([at(7, 0), at(3, 1)])).toThrow(invalid); // not ascending
    expect(() => check([at(7, 0), at(7, 1)])).toThrow(invalid);
    expect(() => check([at(3, 0), at(7, 0)])).toThrow(invalid);
    expect(() => check([], 0)).toThrow(invalid);
    expect(() => check([], 21)).toThrow(invalid);
    expect(() => check([at(2 ** 53 - 1, 0)])).toThrow(invalid);
  });

  it('that lead two ladders of falling versions to one entry are refused', () => {
    const log = crowded(40);
    const versionPositions = log.versionPositions('alice');
    const plan = (entries: MonitorMapEntry[]) =>
      planWith(log, (source) =>
        planContactMonitor({ config: CONFIG, size: 40, last: 24, entries, versionPositions, source }),
      );
    expect(() => plan([at(21, 3), at(23, 1)])).toThrow(refused('invalid-request'));
  });

  it('are never sent by a client that cannot verify the answer', () => {
    const contact = new Contact(crowded(21));
    contact.lookUp();
    const response = contact.ask();
    contact.ladder.delete(1);
    expect(() => contact.verify(response)).toThrow(refused('usage'));
    contact.lookUp();
    contact.entries = [at(23, 2)];
    expect(() => contact.verify(response)).toThrow(refused('invalid-request'));
  });

  it('of who has seen no tree are verified too, but not against a log that is too short', () => {
    const contact = new Contact(crowded(40));
    contact.entries = [at(20, 2)];
    for (const [version, { commitment }] of contact.log.versions.get('alice')!.entries()) {
      contact.ladder.set(version, { version, vrfOutput: realVrf('alice', version).output, commitment });
    }
    expect(contact.verify(contact.ask()).entries).toEqual([]);
    for (const size of [15, 20]) {
      const response = answerContactMonitor(crowded(size), { label: 'alice', last: undefined, entries: [] });
      expect(() => contact.verify(response)).toThrow(refused('view-mismatch'));
    }
  });

  it('keep what covers the rest', () => {
    expect(addToMonitorMap([at(4, 2)], at(4, 3))).toEqual([at(4, 3)]);
    expect(addToMonitorMap([at(4, 2)], at(4, 1))).toEqual([at(4, 2)]);
    // Entry 7 is above entry 5: monitoring version 3 from there proves more than version 1 at 7.
    expect(addToMonitorMap([at(7, 1)], at(5, 3))).toEqual([at(5, 3)]);
    expect(addToMonitorMap([at(5, 1)], at(7, 3))).toEqual([at(5, 1), at(7, 3)]);
    // Entry 6 is not above entry 5.
    expect(addToMonitorMap([at(6, 1)], at(5, 3))).toEqual([at(5, 3), at(6, 1)]);
    expect(addToMonitorMap([at(7, 3)], at(5, 3))).toEqual([at(5, 3)]);
  });

  it('are no reason to inspect what is past its lifetime', () => {
    const config = { ...CONFIG, maximumLifetimeMs: 2000 };
    const entries = Array.from({ length: 60 }, (_, i) => ({
      timestampMs: 5000 + 10 * i,
      labels: i === 4 ? ['alice'] : [],
    }));
    const log = new ReferenceLog(config, realVrf, [...entries, { timestampMs: 9000, labels: [] }]);
    const request = { label: 'alice', last: 5, entries: [at(4, 0)] };
    expect(() => answerContactMonitor(log, request)).toThrow(refused('version-expired'));
  });
});

describe('the codecs of contact monitoring keep the laws', () => {
  it('ContactMonitorRequest', () => {
    const entries = fc.array(fc.record({ position: arbitrary.positions, version: arbitrary.versions }), {
      maxLength: 9,
    });
    const last = fc.option(arbitrary.positions, { nil: undefined });
    expectCodecLaws(contactMonitorRequestCodec, fc.record({ last, label: arbitrary.labels, entries }));
  });
  it('ContactMonitorResponse', () => {
    const fullTreeHead = arbitrary.fullTreeHeads('contactMonitoring');
    const responses = fc.record({ fullTreeHead, monitor: arbitrary.combinedTreeProofs });
    expectCodecLaws(contactMonitorResponseCodec(CONFIG), responses, 40);
  });
});
