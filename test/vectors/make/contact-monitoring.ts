import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { monitoringBinaryLadder } from '../../../src/core/keytrans/binary-ladder.ts';
import { type Configuration, configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import {
  contactMonitorRequestCodec,
  type ContactMonitorResponse,
  contactMonitorResponseCodec,
  type MonitorMapEntry,
} from '../../../src/core/keytrans/contact-monitor-messages.ts';
import {
  lookupRequestCodec,
  lookupResponseCodec,
  searchRequestCodec,
  searchResponseCodec,
} from '../../../src/core/keytrans/messages.ts';
import { p256Configuration, type ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { answerContactMonitor, answerVersion } from '../../support/reference-operations.ts';
import { answerLookup } from '../../support/reference-prover.ts';
import type { History } from './history.ts';
import { ALICE } from './keys.ts';
import { makeLog, WINDOW_MS } from './lookups.ts';
import { hex, type Json, type OwnCase, type OwnFile, refused, withFlippedBit } from './own-file.ts';
import { entriesJson, ladderJson, viewJson } from './retained.ts';

const LABEL = encodeUtf8(ALICE);
/** The log entries with Alice's versions 0, 1 and 2. */
const POSITIONS = [8, 10, 17];

/** What a contact of Alice retains: of which size, and what it monitors. */
interface Retained {
  readonly last: number | undefined;
  readonly entries: readonly MonitorMapEntry[];
}

/** A contact of Alice, from one answer to the next, while the log grows. */
class Series {
  readonly config: Configuration;
  readonly cases: OwnCase[] = [];
  readonly #history: History;
  readonly #series: string;
  #retained: Retained = { last: undefined, entries: [] };
  #after: string | null = null;

  constructor(series: string, config: Configuration, history: History) {
    this.config = config;
    this.#series = series;
    this.#history = history;
  }

  /** The log when it had `size` entries. */
  log(size: number): ReferenceLog {
    return makeLog(this.config, this.#history, size, POSITIONS);
  }

  #stateJson(log: ReferenceLog, { last, entries }: Retained): Json {
    const versions = entries.flatMap(({ version }) => monitoringBinaryLadder(version));
    const view = last === undefined ? null : viewJson(log.view(last));
    return { view, entries: entriesJson(entries), ladder: ladderJson(log, ALICE, versions) };
  }

  #input(operation: string, size: number, request: Uint8Array, response: Uint8Array): OwnCase['input'] {
    const log = this.log(Math.max(size, this.#retained.last ?? 0));
    return {
      series: this.#series,
      after: this.#after,
      operation,
      configuration: hex(encode(configurationCodec, this.config)),
      nowMs: log.timestamps[size - 1] as number,
      state: this.#stateJson(log, this.#retained),
      request: hex(request),
      response: hex(response),
    };
  }

  #keep(name: string, size: number, entries: readonly MonitorMapEntry[], input: OwnCase['input'], shown: object): void {
    this.#retained = { last: size, entries };
    this.#after = name;
    const log = this.log(size);
    const state = this.#stateJson(log, this.#retained);
    this.cases.push({ name, input, expect: { size, logRoot: hex(log.logRoot()), ...shown, state } });
  }

  #shown(version: number): object {
    const { value, commitment } = this.#history.versions[version] as History['versions'][number];
    return { version, value: hex(value), commitment: hex(commitment) };
  }

  /** Looks Alice up: `version` is what the log of that size shows, and `entries` what is monitored from then on. */
  lookUp(name: string, size: number, version: number | undefined, entries: readonly MonitorMapEntry[]): void {
    const { last } = this.#retained;
    const request = encode(lookupRequestCodec, { last, label: LABEL });
    const answer = answerLookup(this.log(size), { label: ALICE, last });
    const input = this.#input('lookup', size, request, encode(lookupResponseCodec(this.config), answer));
    this.#keep(name, size, entries, input, version === undefined ? { version: null } : this.#shown(version));
  }

  /** Searches for one version of Alice. */
  search(name: string, size: number, version: number, entries: readonly MonitorMapEntry[]): void {
    const { last } = this.#retained;
    const request = { last, label: LABEL, version };
    const response = answerVersion(this.log(size), { label: ALICE, last, version });
    const bytes = encode(searchResponseCodec(this.config, request), response);
    const input = this.#input('search', size, encode(searchRequestCodec, request), bytes);
    this.#keep(name, size, entries, input, this.#shown(version));
  }

  #monitoring(size: number, response: Uint8Array): OwnCase['input'] {
    const { last, entries } = this.#retained;
    const request = encode(contactMonitorRequestCodec, { last, label: LABEL, entries });
    return this.#input('contact-monitor', size, request, response);
  }

  /** The honest answer to a contact that retains what this one does, or `other`. */
  answer(log: ReferenceLog, other: Partial<Retained> = {}): ContactMonitorResponse {
    return answerContactMonitor(log, { label: ALICE, ...this.#retained, ...other });
  }

  encode(response: ContactMonitorResponse): Uint8Array {
    return encode(contactMonitorResponseCodec(this.config), response);
  }

  monitor(name: string, size: number, entries: readonly MonitorMapEntry[]): void {
    const input = this.#monitoring(size, this.encode(this.answer(this.log(size))));
    this.#keep(name, size, entries, input, {});
  }

  /** An answer to monitoring that must be refused. `clock`: how much the client's is off, in ms. */
  refused(name: string, size: number, response: ContactMonitorResponse | Uint8Array, code: string, clock = 0): void {
    const bytes = response instanceof Uint8Array ? response : this.encode(response);
    const input = this.#monitoring(size, bytes);
    this.cases.push(refused(name, { ...input, nowMs: (input['nowMs'] as number) + clock }, code));
  }
}

/** A contact of Alice, who looks her up and monitors what it was shown. */
export function makeContactMonitoring(history: History): OwnFile {
  const config = referenceConfiguration(WINDOW_MS);
  const series = new Series('Ed25519', config, history);
  series.lookUp('a lookup before version 0', 7, undefined, []);
  series.lookUp('a lookup of version 0, which is to be monitored', 9, 0, [{ position: 8, version: 0 }]);
  series.monitor('monitoring moves it up to entry 9', 10, [{ position: 9, version: 0 }]);
  series.monitor('monitoring of the same tree head', 10, [{ position: 9, version: 0 }]);
  const both = [
    { position: 9, version: 0 },
    { position: 10, version: 1 },
  ];
  series.lookUp('a lookup of version 1, which is monitored besides', 11, 1, both);
  lies(series);
  series.lookUp('a lookup that ends at entry 11, which entry 10 of the map leads to', 12, 1, both);
  series.monitor('monitoring moves both to entry 11, where the greater one stays', 12, [{ position: 11, version: 1 }]);
  const again = [
    { position: 9, version: 0 },
    { position: 11, version: 1 },
  ];
  series.search('a search for version 0, which is monitored again', 13, 0, again);
  series.monitor('monitoring ends, since entry 11 is distinguished now', 14, []);
  series.lookUp('a lookup that leaves nothing to monitor', 15, 1, []);
  series.lookUp('a lookup of version 2', 19, 2, [{ position: 17, version: 2 }]);
  series.monitor('monitoring moves version 2 up to entry 19', 21, [{ position: 19, version: 2 }]);

  const p256 = new Series('P-256', p256Configuration(config), history);
  p256.lookUp('a lookup, with KT_128_SHA256_P256', 11, 1, [{ position: 10, version: 1 }]);
  p256.monitor('monitoring, with KT_128_SHA256_P256', 12, [{ position: 11, version: 1 }]);
  p256.monitor('monitoring ends, with KT_128_SHA256_P256', 14, []);
  return {
    primitive: 'contact-monitoring',
    notes: [
      'A contact of one label while the log grows, answer by answer. input.series: which of several clients; input.after:',
      'the case whose expect.state this one begins with, or null. input.operation: lookup (LookupRequest, LookupResponse),',
      'search (SearchRequest, SearchResponse) or contact-monitor (ContactMonitorRequest, ContactMonitorResponse), in',
      'input.request and input.response. input.state: what the client retains: view (as in lookup.json), entries (the',
      'monitoring map, KT §8.2), ladder (search key and commitment of each version that monitoring looks up, KT §8.1).',
      'expect: size and root of the log, what a lookup or search shows (version null: the label does not exist), and the',
      'state to retain. expect.code: the answer is refused, and the client keeps the state that it had.',
    ],
    cases: [...series.cases, ...p256.cases],
  };
}

/** Answers that the contact must refuse who monitors version 0 at entry 9 and version 1 at entry 10. */
function lies(series: Series): void {
  const log = series.log(12);
  const honest = series.answer(log);
  const { monitor, fullTreeHead } = honest;
  const [first = { results: [], elements: [] }] = monitor.prefixProofs;
  const bytes = series.encode(honest);
  const with_ = (change: Partial<typeof monitor>): ContactMonitorResponse => {
    return { fullTreeHead, monitor: { ...monitor, ...change } };
  };
  const without = (removed: number): ContactMonitorResponse => {
    const lying = series.log(11);
    const timestampMs = log.timestamps[11] as number;
    lying.append({ timestampMs, labels: [], removed: [{ label: ALICE, version: removed }] });
    return series.answer(lying);
  };
  const later = (log.timestamps[11] as number) + 1;
  const [time, ...times] = monitor.timestamps as [number, ...number[]];
  const { maxBehindMs, maxAheadMs } = series.config;
  const refuse = (name: string, response: ContactMonitorResponse | Uint8Array, code: string, clock = 0): void =>
    series.refused(name, 12, response, code, clock);
  refuse('version 1 is gone', without(1), 'version-rolled-back');
  refuse('version 0 is gone', without(0), 'version-rolled-back');
  refuse('a ladder of version 0 alone', series.answer(log, { entries: [{ position: 9, version: 0 }] }), 'bad-ladder');
  refuse('nothing is shown', series.answer(log, { entries: [] }), 'proof-exhausted');
  refuse('a prefix proof too many', with_({ prefixProofs: [...monitor.prefixProofs, first] }), 'proof-left-over');
  refuse('a timestamp too many', with_({ timestamps: [...monitor.timestamps, later] }), 'proof-left-over');
  refuse('a timestamp too few', with_({ timestamps: monitor.timestamps.slice(1) }), 'proof-exhausted');
  refuse('a time that runs backwards', with_({ timestamps: [time - 1_000_000, ...times] }), 'bad-timestamp');
  refuse(
    'a head of the log too many',
    with_({ inclusion: { elements: [...monitor.inclusion.elements, series.log(9).logRoot()] } }),
    'bad-log-proof',
  );
  refuse('a bit of the signature flipped', withFlippedBit(bytes, 20), 'bad-signature');
  series.refused('a smaller log', 10, series.answer(series.log(10), { last: 9, entries: [] }), 'tree-rolled-back');
  refuse('an answer to a client that knows nothing', series.answer(log, { last: undefined }), 'proof-left-over');
  refuse('another log that had the same size', fork(series), 'bad-signature');
  refuse('from too long ago', honest, 'tree-head-too-old', maxBehindMs + 1);
  refuse('from the future', honest, 'tree-head-too-new', -maxAheadMs - 1);
  refuse('a byte too few', bytes.slice(0, -1), 'malformed-encoding');
}

/** The answer of a log whose entry 4 is another one. */
function fork(series: Series): ContactMonitorResponse {
  const honest = series.log(12);
  const log = series.log(4);
  for (let i = 4; i < 12; i++) {
    const timestampMs = honest.timestamps[i] as number;
    const has = POSITIONS.includes(i);
    const version = honest.versions.get(ALICE)?.[POSITIONS.indexOf(i)];
    const values = version === undefined ? {} : { [ALICE]: { opening: version.opening, value: version.update.value } };
    log.append({ timestampMs, labels: [`acct:forked${i}@chat.example`, ...(has ? [ALICE] : [])], values });
  }
  return series.answer(log);
}
