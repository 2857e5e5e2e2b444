import { concatBytes, encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { type Configuration, configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import {
  chainRequestCodec,
  chainResponseCodec,
  lookupRequestCodec,
  type LookupResponse,
  lookupResponseCodec,
} from '../../../src/core/keytrans/messages.ts';
import {
  p256Configuration,
  p256Vrf,
  realVrf,
  referenceConfiguration,
  ReferenceLog,
} from '../../support/reference-log.ts';
import { answerLookup } from '../../support/reference-prover.ts';
import type { History, MadeVersion } from './history.ts';
import { ALICE, LABEL, NOW_MS } from './keys.ts';
import { hex, type OwnCase, type OwnFile, refused, withFlippedBit } from './own-file.ts';
import { viewJson } from './retained.ts';

const NOBODY = 'mailto:nobody@example.com';
/** Of the logs here. */
export const WINDOW_MS = 3_000;
const STEP_MS = 500;

/** A log of `size` entries. Alice's record has its versions 0, 1, 2… in those at `positions`. */
export function makeLog(
  config: Configuration,
  { versions }: History,
  size = 14,
  positions: readonly number[] = [2, 5, 11],
): ReferenceLog {
  const log = new ReferenceLog(config, config.cipherSuite === 2 ? realVrf : p256Vrf, []);
  for (let i = 0; i < size; i++) {
    const made = versions[positions.indexOf(i)];
    const labels = [`acct:user${i}@chat.example`, ...(made === undefined ? [] : [ALICE])];
    const values = made === undefined ? {} : { [ALICE]: made };
    log.append({ timestampMs: NOW_MS + i * STEP_MS, labels: i % 4 === 3 ? labels.slice(1) : labels, values });
  }
  return log;
}

/** What a client that holds the view of `last` asks for, and is answered. */
class Asker {
  readonly log: ReferenceLog;

  constructor(log: ReferenceLog) {
    this.log = log;
  }

  input(label: string, answer: LookupResponse | Uint8Array, last?: number, nowMs?: number): OwnCase['input'] {
    const { config, timestamps } = this.log;
    const response = answer instanceof Uint8Array ? answer : encode(lookupResponseCodec(config), answer);
    return {
      configuration: hex(encode(configurationCodec, config)),
      view: last === undefined ? null : viewJson(this.log.view(last)),
      nowMs: nowMs ?? (timestamps.at(-1) as number),
      request: hex(encode(lookupRequestCodec, { last, label: encodeUtf8(label) })),
      response: hex(response),
    };
  }

  absent(name: string, last?: number): OwnCase {
    const answer = answerLookup(this.log, { label: NOBODY, last });
    const { size } = this.log;
    const expect = { type: 'absent', size, logRoot: hex(this.log.logRoot()) };
    const labelKey = hex(this.log.vrf(NOBODY, 0).output);
    return { name, input: this.input(NOBODY, answer, last), expect: { ...expect, labelKey } };
  }

  found(name: string, latest: MadeVersion, last?: number): OwnCase {
    const answer = answerLookup(this.log, { label: ALICE, last });
    const { version, value, commitment } = latest;
    const { size } = this.log;
    const expect = {
      type: 'found',
      size,
      logRoot: hex(this.log.logRoot()),
      labelKey: hex(this.log.vrf(ALICE, 0).output),
    };
    const shown = { version, value: hex(value), commitment: hex(commitment) };
    return { name, input: this.input(ALICE, answer, last), expect: { ...expect, ...shown } };
  }
}

/** Answers to `lookup`: found, and proved absent. */
export function makeLookups(history: History): OwnFile {
  const config = referenceConfiguration(WINDOW_MS);
  const log = makeLog(config, history);
  const asker = new Asker(log);
  const p256 = new Asker(makeLog(p256Configuration(config), history));
  const latest = history.versions[2] as MadeVersion;
  return {
    primitive: 'lookup',
    notes: [
      'input.configuration: the encoded Configuration; input.view: what the client retains of the tree head that it',
      'verified last (KT §4.2), or null; input.nowMs: its clock; input.request and input.response: LookupRequest and',
      'LookupResponse. expect: what it learns; expect.labelKey is the VRF output of version 0 of the label.',
    ],
    cases: [
      asker.absent('absent, to a new client'),
      asker.absent('absent, to a client of an older tree head', 6),
      asker.absent('absent, to a client of the same tree head', 14),
      p256.absent('absent, with KT_128_SHA256_P256'),
      asker.found('found, by a new client', latest),
      asker.found('found, by a client of an older tree head', latest, 6),
      p256.found('found, with KT_128_SHA256_P256', latest),
      ...lies(asker),
    ],
  };
}

function lies(asker: Asker): readonly OwnCase[] {
  const { log } = asker;
  const codec = lookupResponseCodec(log.config);
  const honest = answerLookup(log, { label: NOBODY, last: undefined });
  const bytes = encode(codec, honest);
  if (honest.type !== 'absent') throw new Error('nobody exists');
  const hidden = answerLookup(log, { label: ALICE, last: undefined, versionPositions: [] });
  const swapped = { ...honest, vrfProof: log.vrf(ALICE, 0).proof };
  const later = answerLookup(log, { label: NOBODY, last: 6 }) as typeof honest;
  const proof = { ...later.proof, timestamps: [NOW_MS, ...later.proof.timestamps.slice(1)] };
  const fewer = { ...honest.proof, prefixProofs: honest.proof.prefixProofs.slice(1) };
  const late = (log.timestamps.at(-1) as number) + log.config.maxBehindMs + 1;
  const early = (log.timestamps.at(-1) as number) - log.config.maxAheadMs - 1;
  const input = (label: string, answer: LookupResponse | Uint8Array): OwnCase['input'] => asker.input(label, answer);
  return [
    refused('absent, though there are versions', input(ALICE, hidden), 'unexpected-version'),
    refused('the absence of another label', input(ALICE, honest), 'bad-vrf-proof'),
    refused('the absence of another label, with this one’s search key', input(ALICE, swapped), 'bad-signature'),
    refused('with a time that runs backwards', asker.input(NOBODY, { ...later, proof }, 6), 'bad-timestamp'),
    refused('with a prefix proof too few', input(NOBODY, { ...honest, proof: fewer }), 'proof-exhausted'),
    refused('with a bit of the signature flipped', input(NOBODY, withFlippedBit(bytes, 20)), 'bad-signature'),
    refused('from too long ago', asker.input(NOBODY, honest, undefined, late), 'tree-head-too-old'),
    refused('from the future', asker.input(NOBODY, honest, undefined, early), 'tree-head-too-new'),
    refused('of type 3', input(NOBODY, concatBytes(Uint8Array.of(3), bytes.slice(1))), 'malformed-encoding'),
    refused('a byte too few', input(NOBODY, bytes.slice(0, -1)), 'malformed-encoding'),
    refused('a byte too many', input(NOBODY, concatBytes(bytes, Uint8Array.of(0))), 'malformed-encoding'),
  ];
}

/** Answers to `chain`. */
export function makeChains({ versions }: History): OwnFile {
  const config = referenceConfiguration(WINDOW_MS);
  const asked = versions.slice(1, 4);
  const request = encode(chainRequestCodec, { label: LABEL, first: 1, last: 3 });
  const links = asked.map(({ opening, value }) => ({ opening, value: { value, signature: undefined } }));
  const response = encode(chainResponseCodec(config), { links });
  const input = (bytes: Uint8Array): OwnCase['input'] => ({
    configuration: hex(encode(configurationCodec, config)),
    request: hex(request),
    response: hex(bytes),
  });
  const commitments = asked.map(({ commitment }) => hex(commitment));
  return {
    primitive: 'chain',
    notes: [
      'input.request: a ChainRequest; input.response: a ChainResponse. expect.links: openings and values;',
      'expect.commitments: the commitment of each, of which the next record names the one before it.',
    ],
    cases: [
      {
        name: 'of versions 1 to 3',
        input: input(response),
        expect: {
          first: 1,
          last: 3,
          links: asked.map(({ opening, value }) => ({ opening: hex(opening), value: hex(value) })),
          commitments,
        },
      },
      refused('of no version', input(Uint8Array.of(0)), 'malformed-encoding'),
      refused('with a link too few', input(concatBytes(Uint8Array.of(4), response.slice(1))), 'malformed-encoding'),
      refused('with a link too many', input(concatBytes(Uint8Array.of(2), response.slice(1))), 'malformed-encoding'),
      refused('a byte too many', input(concatBytes(response, Uint8Array.of(0))), 'malformed-encoding'),
    ],
  };
}
