import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { type Configuration, configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import {
  standingRequestCodec,
  type StandingResponse,
  standingResponseCodec,
} from '../../../src/core/keytrans/standing-messages.ts';
import { p256Configuration, type ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { answerStanding } from '../../support/reference-operations.ts';
import type { History, MadeVersion } from './history.ts';
import { ALICE } from './keys.ts';
import { makeLog, WINDOW_MS } from './lookups.ts';
import { hex, type OwnCase, type OwnFile, refused, withFlippedBit } from './own-file.ts';
import { viewJson } from './retained.ts';

const LABEL = encodeUtf8(ALICE);
/** Version 1 is in entry 5, version 2 in entry 11. */
const STOOD = { version: 1, first: 6, second: 10 };
type Asked = typeof STOOD;

/** Somebody who asks whether a version of Alice stood at two entries. */
class Standing {
  readonly log: ReferenceLog;
  readonly #versions: History['versions'];

  constructor(config: Configuration, history: History) {
    this.log = makeLog(config, history);
    this.#versions = history.versions;
  }

  answer(asked: Asked, last: number, versionPositions?: readonly number[]): StandingResponse {
    const pretended = versionPositions === undefined ? {} : { versionPositions };
    return answerStanding(this.log, { label: ALICE, last, ...asked, ...pretended });
  }

  input(asked: Asked, last: number, answer: StandingResponse | Uint8Array): OwnCase['input'] {
    const { config, timestamps } = this.log;
    const response = answer instanceof Uint8Array ? answer : encode(standingResponseCodec(config), answer);
    const { commitment } = this.#versions[asked.version] as MadeVersion;
    return {
      configuration: hex(encode(configurationCodec, config)),
      view: viewJson(this.log.view(last)),
      nowMs: timestamps.at(-1) as number,
      commitment: hex(commitment),
      request: hex(encode(standingRequestCodec, { last, label: LABEL, ...asked })),
      response: hex(response),
    };
  }

  stood(name: string, last: number): OwnCase {
    const { timestamps } = this.log;
    const [firstMs, secondMs] = [timestamps[STOOD.first] as number, timestamps[STOOD.second] as number];
    const input = this.input(STOOD, last, this.answer(STOOD, last));
    return { name, input, expect: { size: this.log.size, firstMs, secondMs } };
  }
}

/** Answers to `standing`. */
export function makeStandings(history: History): OwnFile {
  const config = referenceConfiguration(WINDOW_MS);
  const standing = new Standing(config, history);
  const p256 = new Standing(p256Configuration(config), history);
  return {
    primitive: 'standing',
    notes: [
      'input.request and input.response: StandingRequest and StandingResponse; input.commitment: that of the version, from',
      'the chain of records; the other fields of input are those of lookup.json. expect: size of the log, and the',
      'timestamps of the two entries. Whether the time between them suffices, the client decides by its own bundle.',
    ],
    cases: [
      standing.stood('by a client of the same tree head', 14),
      standing.stood('by a client of an older tree head', 12),
      p256.stood('with KT_128_SHA256_P256', 14),
      ...lies(standing),
    ],
  };
}

function lies(standing: Standing): readonly OwnCase[] {
  const honest = standing.answer(STOOD, 14);
  const [late, early] = [
    { ...STOOD, second: 12 },
    { ...STOOD, first: 3 },
  ];
  const [one, two] = honest.standing.prefixProofs;
  if (one === undefined || two === undefined) throw new Error('two entries are inspected');
  const bytes = encode(standingResponseCodec(standing.log.config), honest);
  const with_ = (change: Partial<StandingResponse['standing']>): StandingResponse => {
    return { ...honest, standing: { ...honest.standing, ...change } };
  };
  const lie = (name: string, response: StandingResponse | Uint8Array, code: string, asked: Asked = STOOD): OwnCase =>
    refused(name, standing.input(asked, 14, response), code);
  const [first = { proof: new Uint8Array(80), commitment: undefined }, ...steps] = honest.binaryLadder;
  const other = { ...first, commitment: withFlippedBit(first.commitment ?? new Uint8Array(32), 0) };
  return [
    lie('there was a later version already', standing.answer(late, 14, [2, 5, 13]), 'unexpected-version', late),
    lie('the version was not there yet', standing.answer(early, 14, [2, 3]), 'bad-ladder', early),
    lie('the entries swapped', with_({ prefixProofs: [two, one] }), 'bad-log-proof'),
    lie('one entry is not shown', with_({ prefixProofs: [one] }), 'proof-exhausted'),
    lie('a ladder without its last step', { ...honest, binaryLadder: honest.binaryLadder.slice(0, -1) }, 'bad-ladder'),
    lie('another commitment of version 0', { ...honest, binaryLadder: [other, ...steps] }, 'bad-log-proof'),
    lie('entries in the wrong order', honest, 'usage', { ...STOOD, first: 10, second: 6 }),
    lie('an entry that the client does not know yet', honest, 'usage', { ...STOOD, second: 14 }),
    lie('a byte too few', bytes.slice(0, -1), 'malformed-encoding'),
  ];
}
