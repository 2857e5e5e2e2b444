import { encode } from '../../../src/core/encoding/codec.ts';
import { type Configuration, configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import {
  distinguishedRequestCodec,
  type DistinguishedResponse,
  distinguishedResponseCodec,
} from '../../../src/core/keytrans/distinguished-messages.ts';
import { p256Configuration, type ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { answerDistinguished } from '../../support/reference-operations.ts';
import type { History } from './history.ts';
import { makeLog, WINDOW_MS } from './lookups.ts';
import { hex, type OwnCase, type OwnFile, refused } from './own-file.ts';
import { viewJson } from './retained.ts';

/** A client that walks the distinguished entries of a log. */
class Walker {
  readonly log: ReferenceLog;

  constructor(config: Configuration, history: History, size: number) {
    this.log = makeLog(config, history, size);
  }

  answer(last: number | undefined, stop: number | undefined): DistinguishedResponse {
    return answerDistinguished(this.log, { last, stop });
  }

  input(answer: DistinguishedResponse | Uint8Array, last?: number, stop?: number): OwnCase['input'] {
    const { config, timestamps } = this.log;
    const response = answer instanceof Uint8Array ? answer : encode(distinguishedResponseCodec(config), answer);
    return {
      configuration: hex(encode(configurationCodec, config)),
      view: last === undefined ? null : viewJson(this.log.view(last)),
      nowMs: timestamps.at(-1) as number,
      request: hex(encode(distinguishedRequestCodec, { last, stop })),
      response: hex(response),
    };
  }

  /** A walk that finds the entries at `positions`. */
  finds(name: string, positions: readonly number[], last?: number, stop?: number): OwnCase {
    const { log } = this;
    const heads = positions.map((position) => {
      const root = log.prefixRoots[position] as Uint8Array;
      const timestampMs = log.timestamps[position] as number;
      return { position, timestampMs, prefixRoot: hex(root), logRoot: hex(log.logRoot(position + 1)) };
    });
    const input = this.input(this.answer(last, stop), last, stop);
    return { name, input, expect: { size: log.size, logRoot: hex(log.logRoot()), heads } };
  }
}

/** Answers to `distinguished` (KT §10.1, §13.6). */
export function makeDistinguishedWalks(history: History): OwnFile {
  const config = referenceConfiguration(WINDOW_MS);
  const walker = new Walker(config, history, 14);
  const long = new Walker(config, history, 128);
  const p256 = new Walker(p256Configuration(config), history, 14);
  const all = [0, 1, 3, 7, 11];
  return {
    primitive: 'distinguished-walk',
    notes: [
      'input.request and input.response: DistinguishedRequest and DistinguishedResponse; the other fields of input are those',
      'of lookup.json. expect: size and root of the log, and heads: the recent distinguished entries right of the stopping',
      'position, left to right, each with the root of the log that it ended.',
    ],
    cases: [
      walker.finds('of a new client', all),
      walker.finds('of a client of an older tree head', all, 6),
      walker.finds('up to a known entry', [7, 11], 6, 3),
      walker.finds('with nothing new', [], 14, 11),
      long.finds('of more than ten entries', [91, 95, 99, 103, 107, 111, 115, 119, 123, 127]),
      p256.finds('with KT_128_SHA256_P256', all),
      ...lies(walker),
    ],
  };
}

function lies(walker: Walker): readonly OwnCase[] {
  const honest = walker.answer(undefined, undefined);
  const { distinguished } = honest;
  const bytes = encode(distinguishedResponseCodec(walker.log.config), honest);
  const lie = (name: string, change: Partial<typeof distinguished>, code: string): OwnCase =>
    refused(name, walker.input({ ...honest, distinguished: { ...distinguished, ...change } }), code);
  const { timestamps, prefixRoots } = distinguished;
  return [
    lie(
      'an entry is left out',
      { timestamps: timestamps.slice(0, -1), prefixRoots: prefixRoots.slice(1) },
      'proof-exhausted',
    ),
    lie(
      'another prefix root',
      { prefixRoots: [...prefixRoots.slice(1), prefixRoots[0] as Uint8Array] },
      'bad-signature',
    ),
    lie('a prefix root too many', { prefixRoots: [...prefixRoots, prefixRoots[0] as Uint8Array] }, 'proof-left-over'),
    refused('for another stopping position', walker.input(walker.answer(undefined, 3)), 'proof-exhausted'),
    refused('a byte too many', walker.input(Uint8Array.of(...bytes, 0)), 'malformed-encoding'),
  ];
}
