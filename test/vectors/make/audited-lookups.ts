import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { type Configuration, configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import { lookupRequestCodec, type LookupResponse, lookupResponseCodec } from '../../../src/core/keytrans/messages.ts';
import type { FullTreeHead } from '../../../src/core/keytrans/tree-head.ts';
import { p256Configuration, type ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { answerLookup } from '../../support/reference-prover.ts';
import type { History, MadeVersion } from './history.ts';
import { ALICE } from './keys.ts';
import { makeLog, WINDOW_MS } from './lookups.ts';
import { hex, type OwnCase, type OwnFile, refused } from './own-file.ts';
import { viewJson } from './retained.ts';

const NOBODY = 'mailto:nobody@example.com';
/** The entry from which the auditor audits, and how far it may lag. */
const AUDITOR = { auditorStartPosition: 3, maxAuditorLagMs: 1_500 };
type Found = LookupResponse & { readonly type: 'found' };

/** What a client knows of the log: its size, and that of the auditor's head. */
interface Seen {
  readonly last: number;
  readonly audited: number | undefined;
}

/** The clients of a log that a third party audits. */
class Audited {
  readonly log: ReferenceLog;
  readonly #latest: MadeVersion;

  constructor(config: Configuration, history: History) {
    this.log = makeLog(config, history);
    this.#latest = history.versions[2] as MadeVersion;
  }

  /** The honest answer, with the auditor's head of `audited` entries. */
  answer(label: string, audited: number, seen?: Seen): LookupResponse {
    return answerLookup(this.log, { label, last: seen?.last, auditedSize: audited });
  }

  input(label: string, answer: LookupResponse, seen?: Seen): OwnCase['input'] {
    const { config, timestamps } = this.log;
    return {
      configuration: hex(encode(configurationCodec, config)),
      view: seen === undefined ? null : viewJson(this.log.view(seen.last, seen.audited)),
      nowMs: timestamps.at(-1) as number,
      request: hex(encode(lookupRequestCodec, { last: seen?.last, label: encodeUtf8(label) })),
      response: hex(encode(lookupResponseCodec(config), answer)),
    };
  }

  found(name: string, audited: number, seen?: Seen): OwnCase {
    const { version, value, commitment } = this.#latest;
    const shown = { version, value: hex(value), commitment: hex(commitment) };
    const common = this.#learnt(ALICE);
    const expect = { type: 'found', ...common, ...shown };
    return { name, input: this.input(ALICE, this.answer(ALICE, audited, seen), seen), expect };
  }

  absent(name: string, audited: number, seen?: Seen): OwnCase {
    const input = this.input(NOBODY, this.answer(NOBODY, audited, seen), seen);
    return { name, input, expect: { type: 'absent', ...this.#learnt(NOBODY) } };
  }

  #learnt(label: string): OwnCase['expect'] {
    const { log } = this;
    return { size: log.size, logRoot: hex(log.logRoot()), labelKey: hex(log.vrf(label, 0).output) };
  }
}

/** Answers to `lookup` of a log that a third party audits (KT §11.3, §15.2). */
export function makeAuditedLookups(history: History): OwnFile {
  const config = referenceConfiguration(WINDOW_MS, AUDITOR);
  const ed25519 = new Audited(config, history);
  const p256 = new Audited(p256Configuration(config), history);
  return {
    primitive: 'audited-lookup',
    notes: [
      'As lookup.json, of a log under third-party auditing: the response has an AuditorTreeHead, and so has input.view',
      '(view.auditorTreeHead, encoded) unless the client has none yet.',
    ],
    cases: [
      ed25519.found('the auditor is up to date', 14),
      ed25519.found('the auditor lags by three entries', 11),
      ed25519.found('to a client that knows an earlier head of the auditor', 12, { last: 7, audited: 6 }),
      ed25519.found('to a client that knows the auditor’s start and no head of it', 14, {
        last: 7,
        audited: undefined,
      }),
      ed25519.found('to a client of the same tree head', 14, { last: 14, audited: 12 }),
      ed25519.absent('absent, and the auditor lags', 12),
      p256.found('with KT_128_SHA256_P256', 12),
      ...lies(ed25519),
    ],
  };
}

function lies(audited: Audited): readonly OwnCase[] {
  const { log } = audited;
  const answer = audited.answer(ALICE, 12) as Found;
  const { response } = answer;
  const updated = response.fullTreeHead as FullTreeHead & { readonly type: 'updated' };
  const head = log.auditorTreeHead(12);
  const lie = (name: string, change: Partial<typeof head>, code: string): OwnCase => {
    const fullTreeHead = { ...updated, auditorTreeHead: { ...head, ...change } };
    return refused(name, audited.input(ALICE, { type: 'found', response: { ...response, fullTreeHead } }), code);
  };
  const early = { last: 2, audited: undefined };
  return [
    lie('the auditor’s head is larger than the tree', { treeSize: 15 }, 'bad-tree-head'),
    lie('the auditor’s head is of what came before its start', { treeSize: 3 }, 'bad-tree-head'),
    lie(
      'the auditor’s head has a later time than the tree',
      { timestampMs: head.timestampMs + 2_000 },
      'bad-tree-head',
    ),
    lie('the auditor’s head has another time', { timestampMs: head.timestampMs + 1 }, 'bad-signature'),
    lie('the auditor signed another tree', { signature: log.auditorTreeHead(11).signature }, 'bad-signature'),
    lie('the log signed for the auditor', { signature: log.treeHead(12).signature }, 'bad-signature'),
    refused('the auditor lags too far', audited.input(ALICE, audited.answer(ALICE, 10)), 'bad-tree-head'),
    refused(
      'to a client that saw less than the auditor’s start',
      audited.input(ALICE, audited.answer(ALICE, 14, early), early),
      'bad-tree-head',
    ),
  ];
}
