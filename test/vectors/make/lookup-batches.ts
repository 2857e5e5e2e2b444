import { concatBytes, encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import {
  type LookupBatchOutcome,
  lookupBatchRequestCodec,
  lookupBatchResponseCodec,
} from '../../../src/core/keytrans/lookup-batch-messages.ts';
import { lookupResponseCodec } from '../../../src/core/keytrans/messages.ts';
import { type ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { answerLookup } from '../../support/reference-prover.ts';
import type { History, MadeVersion } from './history.ts';
import { ALICE } from './keys.ts';
import { makeLog, WINDOW_MS } from './lookups.ts';
import { hex, type Json, type OwnCase, type OwnFile, refused } from './own-file.ts';
import { viewJson } from './retained.ts';

const NOBODY = 'mailto:nobody@example.com';
const GONE = 'mailto:gone@example.com';
/** Problem details as a server has them (RFC 9457). */
const PROBLEM = { type: 'about:blank', title: 'Gone', status: 410, code: 'erased' };

/** Answers to `lookup-batch`. */
export function makeLookupBatches(history: History): OwnFile {
  const config = referenceConfiguration(WINDOW_MS);
  const log = makeLog(config, history);
  const { version, value, commitment } = history.versions[2] as MadeVersion;
  const answered = (label: string, last?: number, from: ReferenceLog = log): LookupBatchOutcome => {
    return { type: 'answered', response: encode(lookupResponseCodec(config), answerLookup(from, { label, last })) };
  };
  const input = (labels: readonly string[], answer: readonly LookupBatchOutcome[] | Uint8Array, last?: number) => ({
    configuration: hex(encode(configurationCodec, config)),
    view: last === undefined ? null : viewJson(log.view(last)),
    nowMs: log.timestamps.at(-1) as number,
    request: hex(encode(lookupBatchRequestCodec, { last, labels: labels.map(encodeUtf8) })),
    response: hex(answer instanceof Uint8Array ? answer : encode(lookupBatchResponseCodec, { outcomes: answer })),
  });
  const found: Json = { type: 'found', version, value: hex(value), commitment: hex(commitment) };
  const absent: Json = { type: 'absent' };
  const expected = (outcomes: readonly Json[]): OwnCase['expect'] => {
    return { size: log.size, logRoot: hex(log.logRoot()), outcomes };
  };
  const two = [ALICE, NOBODY];
  const honest = [answered(ALICE), answered(NOBODY)];
  const bytes = encode(lookupBatchResponseCodec, { outcomes: honest });
  const problem: LookupBatchOutcome = { type: 'refused', problem: encodeUtf8(JSON.stringify(PROBLEM)) };
  const later: LookupBatchOutcome = { type: 'later' };
  const broken: LookupBatchOutcome = { type: 'answered', response: Uint8Array.of(1, 2, 3) };
  const older = answered(NOBODY, undefined, makeLog(config, history, 13));
  const bad = (name: string, outcomes: readonly LookupBatchOutcome[] | Uint8Array, code: string): OwnCase =>
    refused(name, input(two, outcomes), code);
  return {
    primitive: 'lookup-batch',
    notes: [
      'input.request and input.response: LookupBatchRequest and LookupBatchResponse; the other fields of input are those of',
      'lookup.json. expect: size and root of the one tree head of all answers, and outcomes, one for each label in the',
      'order of the request: found, absent, refused (with the code of the problem), later, or bad: that answer alone is',
      'refused, with the code. expect.code: the whole response is refused.',
    ],
    cases: [
      { name: 'found and absent', input: input(two, honest), expect: expected([found, absent]) },
      {
        name: 'to a client of an older tree head',
        input: input(two, [answered(ALICE, 6), answered(NOBODY, 6)], 6),
        expect: expected([found, absent]),
      },
      {
        name: 'to a client of the same tree head',
        input: input(two, [answered(ALICE, 14), answered(NOBODY, 14)], 14),
        expect: expected([found, absent]),
      },
      {
        name: 'one is refused and one put off',
        input: input([ALICE, GONE, NOBODY], [answered(ALICE), problem, later]),
        expect: expected([found, { type: 'refused', code: 'erased' }, { type: 'later' }]),
      },
      {
        name: 'one answer is malformed',
        input: input(two, [broken, answered(NOBODY)]),
        expect: expected([{ type: 'bad', code: 'malformed-encoding' }, absent]),
      },
      {
        name: 'two answers in the wrong order',
        input: input(two, [answered(NOBODY), answered(ALICE)]),
        expect: { size: null, logRoot: null, outcomes: [bothWrong('bad-vrf-proof'), bothWrong('bad-vrf-proof')] },
      },
      {
        name: 'two tree heads in one response',
        input: input(two, [answered(ALICE), older]),
        expect: expected([found, { type: 'bad', code: 'view-mismatch' }]),
      },
      bad('the first is put off', [later, answered(NOBODY)], 'bad-response'),
      bad('an outcome too few', [answered(ALICE)], 'bad-response'),
      bad('an outcome too many', [...honest, later], 'bad-response'),
      bad('no outcome', Uint8Array.of(0), 'malformed-encoding'),
      bad('of type 4', concatBytes(Uint8Array.of(2, 4), bytes.slice(2)), 'malformed-encoding'),
      bad('a byte too few', bytes.slice(0, -1), 'malformed-encoding'),
      bad('a byte too many', concatBytes(bytes, Uint8Array.of(0)), 'malformed-encoding'),
    ],
  };
}

function bothWrong(code: string): Json {
  return { type: 'bad', code };
}
