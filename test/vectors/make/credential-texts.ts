import { formatPem, parsePem } from '../../../src/ca/der/pem.ts';
import { formatCredential } from '../../../src/client/credential-text.ts';
import { concatBytes } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import type { Credential } from '../../../src/core/keytrans/credential.ts';
import type { KnownHead } from '../../../src/core/keytrans/known-head.ts';
import { credentialLifetimeMs } from '../../../src/core/keytrans/verify-credential.ts';
import { verifyDistinguished } from '../../../src/core/keytrans/verify-distinguished.ts';
import { p256Configuration, type ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { answerDistinguished, makeCredential } from '../../support/reference-operations.ts';
import type { History } from './history.ts';
import { ALICE, ORIGIN } from './keys.ts';
import { makeLog, WINDOW_MS } from './lookups.ts';
import { hex, type Json, type OwnCase, type OwnFile, refused, withFlippedBit } from './own-file.ts';

/** The distinguished log entries in which the log of `makeLog` can be met: before its last version, and with it. */
const [BEFORE, LATEST] = [7, 11];
const LABEL = 'GLASSKEY CREDENTIAL';

function headJson({ position, timestampMs, prefixRoot, logRoot, fullSubtrees, frontier }: KnownHead): Json {
  return {
    position,
    timestampMs,
    prefixRoot: hex(prefixRoot),
    logRoot: hex(logRoot),
    fullSubtrees: fullSubtrees.map(hex),
    frontier: frontier.map((one) => ({
      position: one.position,
      timestampMs: one.timestampMs,
      prefixRoot: hex(one.prefixRoot),
    })),
  };
}

/** Somebody who knows the distinguished entries of a log and is sent credentials of Alice. */
class Receiver {
  readonly log: ReferenceLog;
  readonly nowMs: number;
  readonly #heads: readonly KnownHead[];

  constructor(log: ReferenceLog) {
    this.log = log;
    const { config, timestamps } = log;
    this.nowMs = timestamps.at(-1) as number;
    const request = { last: undefined, stop: undefined };
    const answer = answerDistinguished(log, request);
    this.#heads = verifyDistinguished({ config, view: undefined, nowMs: this.nowMs }, request, answer).heads;
  }

  text(credential: Credential, origin = ORIGIN): string {
    return formatCredential(origin, this.log.config, credential);
  }

  input(text: string, options: { readonly nowMs?: number; readonly without?: number } = {}): OwnCase['input'] {
    const heads = this.#heads.filter(({ position }) => position !== options.without);
    const configuration = hex(encode(configurationCodec, this.log.config));
    const nowMs = options.nowMs ?? this.nowMs;
    return { origin: ORIGIN, configuration, heads: heads.map(headJson), nowMs, text };
  }

  /** A credential that holds. `asOf`: the log entry that was the rightmost when it was made. */
  accepted(name: string, { versions }: History, credential: Credential, asOf: number, around = ''): OwnCase {
    const { label, version, position, type } = credential;
    const { value, commitment } = versions[version] as History['versions'][number];
    const shown = { label: hex(label), version, value: hex(value), commitment: hex(commitment), position };
    const asOfMs = this.log.timestamps[asOf] as number;
    const expected = { ...shown, asOfMs, final: type === 'standard' };
    return { name, input: this.input(around + this.text(credential) + around), expect: expected };
  }
}

/** Credentials as texts, and what their receiver makes of them. */
export function makeCredentialTexts(history: History): OwnFile {
  const config = referenceConfiguration(WINDOW_MS);
  const receiver = new Receiver(makeLog(config, history));
  const p256 = new Receiver(makeLog(p256Configuration(config), history));
  const made = (position: number, log = receiver.log): Credential => makeCredential(log, { label: ALICE, position });
  const old = made(BEFORE, makeLog(config, history, LATEST));
  return {
    primitive: 'credential-text',
    notes: [
      'input.text: a credential as a text; input.origin and input.configuration (encoded): of the log that its receiver',
      'pinned; input.heads: the distinguished log entries that the receiver knows, left to right; input.nowMs: its clock.',
      'expect: what it learns of the label; expect.position: the entry by which it was verified; expect.asOfMs: the time at',
      'which the version was the greatest; expect.final: false for a provisional credential.',
    ],
    cases: [
      receiver.accepted('standard', history, made(LATEST), LATEST),
      receiver.accepted('provisional', history, made(BEFORE), receiver.log.size - 1),
      p256.accepted('standard, with KT_128_SHA256_P256', history, made(LATEST, p256.log), LATEST),
      p256.accepted('provisional, with KT_128_SHA256_P256', history, made(BEFORE, p256.log), p256.log.size - 1),
      receiver.accepted('of a version that was replaced since, by an older entry', history, old, BEFORE),
      receiver.accepted('in a message', history, made(LATEST), LATEST, 'Hello Bob,\n'),
      ...lies(receiver, made(LATEST), made(BEFORE), old),
      ...malformed(receiver, receiver.text(made(LATEST))),
    ],
  };
}

function lies(receiver: Receiver, standard: Credential, provisional: Credential, old: Credential): readonly OwnCase[] {
  const text = receiver.text(standard);
  const input = (credential: Credential): OwnCase['input'] => receiver.input(receiver.text(credential));
  const value = { value: withFlippedBit(standard.value.value, 60), signature: undefined };
  const late = receiver.nowMs + credentialLifetimeMs(receiver.log.config);
  const early = (receiver.log.timestamps[LATEST] as number) - receiver.log.config.maxAheadMs - 1;
  return [
    refused('of another log', receiver.input(receiver.text(standard, 'other.example')), 'usage'),
    refused('by an entry that is not known', receiver.input(text, { without: LATEST }), 'unknown-head'),
    refused('by an entry that is not distinguished', input({ ...standard, position: 12 }), 'unknown-head'),
    refused('by another entry', input({ ...standard, position: BEFORE }), 'bad-prefix-proof'),
    refused('of an old version, by the newest entry', input({ ...old, position: LATEST }), 'bad-prefix-proof'),
    refused('of another value', input({ ...standard, value }), 'bad-prefix-proof'),
    refused('of another version', input({ ...standard, version: 1 }), 'bad-ladder'),
    refused('from too long ago', receiver.input(text, { nowMs: late }), 'credential-expired'),
    refused('from the future', receiver.input(text, { nowMs: early }), 'tree-head-too-new'),
    refused('provisional, by a later entry', input({ ...provisional, position: LATEST }), 'bad-prefix-proof'),
  ];
}

function malformed(receiver: Receiver, text: string): readonly OwnCase[] {
  const bytes = parsePem(LABEL, text);
  const pem = (changed: Uint8Array, label = LABEL): OwnCase['input'] => receiver.input(formatPem(label, changed));
  const code = 'malformed-encoding';
  return [
    refused('under another PEM label', pem(bytes, 'GLASSKEY HEADS'), code),
    refused('twice', receiver.input(text + text), code),
    refused('in no PEM', receiver.input(hex(bytes)), code),
    refused('of format 2', pem(concatBytes(Uint8Array.of(2), bytes.slice(1))), code),
    refused('a byte too few', pem(bytes.slice(0, -1)), code),
    refused('a byte too many', pem(concatBytes(bytes, Uint8Array.of(0))), code),
  ];
}
