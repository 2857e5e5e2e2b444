import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { explainLookup, type LookupExplanation } from '../../../src/client/explore/explain-lookup.ts';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import { type Configuration, configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import { lookupRequestCodec, type LookupResponse, lookupResponseCodec } from '../../../src/core/keytrans/messages.ts';
import type { CombinedTreeProof } from '../../../src/core/keytrans/proofs.ts';
import { type VerifiedLookup, verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';

const VECTORS = resolve(import.meta.dirname, '../../vectors/own/lookup.json');

interface VectorFile {
  readonly cases: readonly {
    readonly name: string;
    readonly input: Readonly<Record<'configuration' | 'request' | 'response', string>> & { readonly nowMs: number };
  }[];
}

/** An answer of our own test vectors, verified and explained. */
export interface RecordedAnswer {
  readonly config: Configuration;
  readonly label: string;
  readonly response: LookupResponse;
  readonly proof: CombinedTreeProof;
  readonly verified: VerifiedLookup;
  readonly explained: LookupExplanation;
}

/** Returns the answer of a case for a new client. */
export function recordedAnswer(name: 'found, by a new client' | 'absent, to a new client'): RecordedAnswer {
  const file = JSON.parse(readFileSync(VECTORS, 'utf8')) as VectorFile;
  const vector = file.cases.find((one) => one.name === name);
  if (vector === undefined) throw new Error(`no test vector ${name}`);
  const { configuration, request, response, nowMs } = vector.input;
  const config = decode(configurationCodec, parseHex(configuration));
  const answer = parseHex(response);
  const decoded = decode(lookupResponseCodec(config), answer);
  const { label, last } = decode(lookupRequestCodec, parseHex(request));
  const verified = verifyLookup({ config, view: undefined, nowMs }, { label, last }, decoded);
  const explained = explainLookup({ config, label, answer, before: undefined, after: verified.view });
  const proof = decoded.type === 'found' ? decoded.response.search : decoded.proof;
  return { config, label: new TextDecoder().decode(label), response: decoded, proof, verified, explained };
}

/** Returns the beginning of a hash, for a drawing. */
export function briefly(hash: Uint8Array): string {
  return `${formatHex(hash).slice(0, 8)}…`;
}
