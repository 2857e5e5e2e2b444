import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { baseBinaryLadder } from '../../../src/core/keytrans/binary-ladder.ts';
import { type Configuration, configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import type { MonitorMapEntry } from '../../../src/core/keytrans/contact-monitor-messages.ts';
import { ownerInitRequestCodec, ownerInitResponseCodec } from '../../../src/core/keytrans/owner-init-messages.ts';
import {
  ownerMonitorRequestCodec,
  type OwnerMonitorResponse,
  ownerMonitorResponseCodec,
} from '../../../src/core/keytrans/owner-monitor-messages.ts';
import {
  updateRequestCodec,
  type UpdateResponse,
  updateResponseCodec,
} from '../../../src/core/keytrans/update-messages.ts';
import { p256Configuration, type ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { answerOwnerInit, answerOwnerMonitor, answerOwnerUpdate } from '../../support/reference-operations.ts';
import type { History } from './history.ts';
import { ALICE } from './keys.ts';
import { makeLog, WINDOW_MS } from './lookups.ts';
import { hex, type Json, type OwnCase, type OwnFile, refused, withFlippedBit } from './own-file.ts';
import { entriesJson, ladderJson, viewJson } from './retained.ts';

const LABEL = encodeUtf8(ALICE);
/** The log entries with Alice's versions 0 to 3. */
const POSITIONS = [8, 10, 17, 23];

/** What Alice knows of her label, but for the ladder, which follows from it. */
interface Owned {
  readonly start: number;
  readonly versionAtStart: number | undefined;
  readonly upcoming: readonly MonitorMapEntry[];
  readonly entries: readonly MonitorMapEntry[];
}

function greatest({ upcoming, versionAtStart }: Owned): number | undefined {
  return upcoming.at(-1)?.version ?? versionAtStart;
}

/** The owner of a label, from one answer to the next, while the log grows. */
class OwnerSeries {
  readonly config: Configuration;
  readonly cases: OwnCase[] = [];
  readonly #history: History;
  readonly #series: string;
  #last: number | undefined;
  #owned: Owned | undefined;
  #after: string | null = null;

  constructor(series: string, config: Configuration, history: History) {
    this.config = config;
    this.#series = series;
    this.#history = history;
  }

  /** The log when it had `size` entries. */
  log(size: number, positions = POSITIONS): ReferenceLog {
    return makeLog(this.config, this.#history, size, positions);
  }

  get #owner(): Owned {
    if (this.#owned === undefined) throw new Error('the ownership has not begun');
    return this.#owned;
  }

  #stateJson(log: ReferenceLog): Json {
    const view = this.#last === undefined ? null : viewJson(log.view(this.#last));
    if (this.#owned === undefined) return { view, owner: null };
    const { start, versionAtStart = null, upcoming, entries } = this.#owned;
    const targets = [versionAtStart ?? 0, ...[...upcoming, ...entries].map(({ version }) => version)];
    // The answer that begins the ownership of a label without versions tells of version 0 alone.
    const known = greatest(this.#owned) === undefined ? [0] : targets.flatMap(baseBinaryLadder);
    const ladder = ladderJson(log, ALICE, known, greatest(this.#owned) ?? -1);
    return {
      view,
      owner: { start, versionAtStart, upcoming: entriesJson(upcoming), entries: entriesJson(entries), ladder },
    };
  }

  #input(operation: string, size: number, request: Uint8Array, response: Uint8Array): OwnCase['input'] {
    const log = this.log(Math.max(size, this.#last ?? 0));
    return {
      series: this.#series,
      after: this.#after,
      operation,
      configuration: hex(encode(configurationCodec, this.config)),
      label: hex(LABEL),
      nowMs: log.timestamps[size - 1] as number,
      state: this.#stateJson(log),
      request: hex(request),
      response: hex(response),
    };
  }

  #keep(name: string, size: number, owned: Owned, input: OwnCase['input'], shown: OwnCase['expect']): void {
    this.#last = size;
    this.#owned = owned;
    this.#after = name;
    const log = this.log(size);
    this.cases.push({
      name,
      input,
      expect: { size, logRoot: hex(log.logRoot()), ...shown, state: this.#stateJson(log) },
    });
  }

  /** Begins the ownership at `start`, where the log shows `versionAtStart`. */
  begin(name: string, size: number, start: number, versionAtStart: number | undefined): void {
    const request = { last: this.#last, label: LABEL, start };
    const response = answerOwnerInit(this.log(size), { label: ALICE, last: this.#last, start });
    const bytes = encode(ownerInitResponseCodec(this.config), response);
    const input = this.#input('owner-init', size, encode(ownerInitRequestCodec, request), bytes);
    this.#keep(name, size, { start, versionAtStart, upcoming: [], entries: [] }, input, {});
  }

  #updating(size: number, response: Uint8Array): OwnCase['input'] {
    const request = { last: this.#last, label: LABEL, greatestVersion: greatest(this.#owner), values: [] };
    return this.#input('update', size, encode(updateRequestCodec, request), response);
  }

  /** The answer of a log that may pretend to have the label's versions at other `positions`. */
  updateAnswer(log: ReferenceLog, positions?: readonly number[]): UpdateResponse {
    const pretended = positions === undefined ? {} : { versionPositions: positions };
    const request = { label: ALICE, last: this.#last, greatestVersion: greatest(this.#owner), ...pretended };
    return answerOwnerUpdate(log, request);
  }

  /** Is told of the next version. `proved`: the entry that made it is shown; `entries`: the map from then on. */
  update(name: string, size: number, proved: boolean, entries: readonly MonitorMapEntry[]): void {
    const version = (greatest(this.#owner) ?? -1) + 1;
    const position = POSITIONS[version] as number;
    const bytes = encode(updateResponseCodec(this.config), this.updateAnswer(this.log(size)));
    const input = this.#updating(size, bytes);
    const { value, commitment } = this.#history.versions[version] as History['versions'][number];
    const upcoming = [...this.#owner.upcoming, { position, version }];
    const created = [{ version, value: hex(value), commitment: hex(commitment) }];
    this.#keep(name, size, { ...this.#owner, upcoming, entries }, input, { position, proved, created });
  }

  #monitoring(size: number, response: Uint8Array): OwnCase['input'] {
    const { start, entries } = this.#owner;
    const request = { last: this.#last, label: LABEL, entries, start, greatestVersion: greatest(this.#owner) };
    return this.#input('owner-monitor', size, encode(ownerMonitorRequestCodec, request), response);
  }

  /** The answer of a log that may pretend to have the label's versions at other `positions`. */
  monitorAnswer(log: ReferenceLog, positions?: readonly number[]): OwnerMonitorResponse {
    const { start, entries } = this.#owner;
    const request = { last: this.#last, entries, start, greatestVersion: greatest(this.#owner) };
    return answerOwnerMonitor(log, ALICE, request, positions === undefined ? {} : { versionPositions: positions });
  }

  encodeMonitor(response: OwnerMonitorResponse): Uint8Array {
    return encode(ownerMonitorResponseCodec(this.config), response);
  }

  /** Monitors up to the distinguished entry `start`; `complete`: that is the rightmost one. */
  monitor(name: string, size: number, complete: boolean, start: number, entries: readonly MonitorMapEntry[]): void {
    const input = this.#monitoring(size, this.encodeMonitor(this.monitorAnswer(this.log(size))));
    const { upcoming, versionAtStart } = this.#owner;
    const owned = {
      start,
      versionAtStart: upcoming.findLast(({ position }) => position <= start)?.version ?? versionAtStart,
      upcoming: upcoming.filter(({ position }) => position > start),
      entries,
    };
    this.#keep(name, size, owned, input, { complete });
  }

  refusedMonitor(name: string, size: number, response: OwnerMonitorResponse | Uint8Array, code: string): void {
    const bytes = response instanceof Uint8Array ? response : this.encodeMonitor(response);
    this.cases.push(refused(name, this.#monitoring(size, bytes), code));
  }

  refusedUpdate(name: string, size: number, response: UpdateResponse | Uint8Array, code: string): void {
    const bytes = response instanceof Uint8Array ? response : encode(updateResponseCodec(this.config), response);
    this.cases.push(refused(name, this.#updating(size, bytes), code));
  }
}

/** An owner's beginning, updates and monitoring. */
export function makeOwnerMonitoring(history: History): OwnFile {
  const config = referenceConfiguration(WINDOW_MS);
  const series = new OwnerSeries('Ed25519', config, history);
  series.begin('an ownership begins before version 0', 8, 7, undefined);
  series.update('version 0, in an entry that is not distinguished', 9, true, [{ position: 8, version: 0 }]);
  updateLies(series);
  series.monitor('monitoring moves version 0 up to entry 9', 10, true, 7, [{ position: 9, version: 0 }]);
  const both = [
    { position: 9, version: 0 },
    { position: 10, version: 1 },
  ];
  series.update('version 1', 11, true, both);
  monitorLies(series);
  series.monitor('monitoring moves both to entry 11', 12, true, 7, [{ position: 11, version: 1 }]);
  series.monitor('entries 11 and 15 are distinguished and hold what the owner knows', 16, true, 15, []);
  series.update('version 2', 19, true, [{ position: 17, version: 2 }]);
  series.monitor('monitoring stops before entry 23, which has a version that is not known', 32, false, 19, []);
  series.update('version 3, in a distinguished entry, which the answer does not show', 32, false, []);
  series.monitor('monitoring of the same tree head shows entry 23', 32, true, 31, []);

  const p256 = new OwnerSeries('P-256', p256Configuration(config), history);
  p256.begin('an ownership begins at version 1, with KT_128_SHA256_P256', 16, 15, 1);
  p256.update('version 2, with KT_128_SHA256_P256', 19, true, [{ position: 17, version: 2 }]);
  p256.monitor('monitoring, with KT_128_SHA256_P256', 20, true, 15, [{ position: 19, version: 2 }]);
  return {
    primitive: 'owner-monitoring',
    notes: [
      'The owner of input.label while the log grows, answer by answer. input.series: which of several owners; input.after:',
      'the case whose expect.state this one begins with, or null. input.operation: owner-init (OwnerInitRequest and',
      'OwnerInitResponse), update (UpdateRequest without values, and one UpdateResponse, not the vector of them that HTTP',
      'has) or owner-monitor (OwnerMonitorRequest and OwnerMonitorResponse), in input.request and input.response.',
      'input.state: view (as in lookup.json), and owner, or null before the ownership begins: start, the rightmost',
      'distinguished entry that is verified; versionAtStart, the greatest version there, or null; upcoming, the later',
      'entries that made versions; entries, the monitoring map (KT §8.2); ladder, the search keys that later ladders look',
      'up, with the commitments of those that exist, or null. expect: size and root of the log; of an update: position,',
      'created (the new versions) and proved (false: the entry is distinguished and the next monitoring shows it); of',
      'monitoring: complete (false: ask again, or for new versions); and the state to retain. expect.code: the answer is',
      'refused, and the owner keeps the state that it had.',
    ],
    cases: [...series.cases, ...p256.cases],
  };
}

/** Answers that must be refused by the owner who knows version 0 and is told of version 1. */
function updateLies(series: OwnerSeries): void {
  const honest = series.updateAnswer(series.log(11));
  const [value = new Uint8Array(0)] = honest.values;
  const [step, ...steps] = honest.binaryLadder;
  if (step === undefined) throw new Error('version 1 brings no step');
  const commitment = value.slice(0, 32);
  const refuse = (name: string, response: UpdateResponse, code: string): void =>
    series.refusedUpdate(name, 11, response, code);
  const earlier = series.log(11, [8, 9]);
  refuse(
    'version 1 was there before',
    { ...series.updateAnswer(earlier, [8, 10]), position: 10 },
    'unexpected-version',
  );
  refuse('version 1 in entry 8', { ...honest, position: 8 }, 'bad-ladder');
  refuse('version 1 in an entry that does not exist', { ...honest, position: 11 }, 'bad-ladder');
  refuse('another value', { ...honest, values: [withFlippedBit(value, 60)] }, 'bad-signature');
  refuse('no value', { ...honest, values: [], info: [] }, 'bad-ladder');
  refuse('a value without an opening', { ...honest, info: [] }, 'bad-ladder');
  refuse('a commitment in the ladder', { ...honest, binaryLadder: [{ ...step, commitment }, ...steps] }, 'bad-ladder');
  refuse('a step too many', { ...honest, binaryLadder: [step, ...steps, step] }, 'bad-ladder');
}

/** Answers that must be refused by the owner who knows versions 0 and 1. */
function monitorLies(series: OwnerSeries): void {
  const log = series.log(16);
  const honest = series.monitorAnswer(log);
  const { monitor, fullTreeHead } = honest;
  const [first, ...others] = monitor.prefixProofs;
  if (first === undefined) throw new Error('nothing is shown');
  const refuse = (name: string, response: OwnerMonitorResponse, code: string): void =>
    series.refusedMonitor(name, 16, response, code);
  const rogue = series.log(16, [8, 10, 13]);
  refuse('a version that the owner did not make', series.monitorAnswer(rogue, [8, 10]), 'unexpected-version');
  const lacking = series.log(15);
  const timestampMs = log.timestamps[15] as number;
  lacking.append({ timestampMs, labels: [], removed: [{ label: ALICE, version: 1 }] });
  const gone = series.monitorAnswer(lacking);
  const shorter = lacking.provePrefix({ position: 15, versions: [0, 1] }, ALICE);
  const prefixProofs = [...gone.monitor.prefixProofs.slice(0, -1), shorter];
  refuse('version 1 is gone', { ...gone, monitor: { ...gone.monitor, prefixProofs } }, 'version-rolled-back');
  const swapped = { fullTreeHead, monitor: { ...monitor, prefixProofs: [...others, first] } };
  refuse('prefix proofs in another order', swapped, 'bad-signature');
  const more = { fullTreeHead, monitor: { ...monitor, prefixProofs: [...monitor.prefixProofs, first] } };
  refuse('a prefix proof too many', more, 'proof-left-over');
  series.refusedMonitor('a byte too few', 16, series.encodeMonitor(honest).slice(0, -1), 'malformed-encoding');
}
