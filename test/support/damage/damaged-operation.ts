import { equalBytes, formatHex } from '../../../src/core/encoding/bytes.ts';
import { type Codec, decode, encode } from '../../../src/core/encoding/codec.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { seededRandom } from '../random.ts';
import { choose, damaged } from './damage.ts';

/** An honest answer to one request of a client in some state. */
export interface HonestAnswer<T = unknown> {
  readonly codec: Codec<T>;
  readonly response: T;
  /** What the client does with any answer to this request. Throws where it does not believe it. */
  verify(response: T): unknown;
  /** All that the client holds, encoded. */
  state(): Uint8Array;
  /** Whether what was verified says nothing but the truth, and no more than a log may say. Default: never, if damaged. */
  isHarmless?(result: unknown, bytes: Uint8Array): boolean;
}

/** An operation of the protocol with honest answers of one log to many requests. */
export interface Operation {
  readonly name: string;
  readonly answers: readonly HonestAnswer[];
}

/** What became of the damaged answers. */
export interface DamageReport {
  readonly operation: string;
  readonly tried: number;
  /** By code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Accepted, and harmless. */
  readonly harmless: number;
  /** What should not have been: accepted answers, errors of a wrong kind, states that changed. In hex, with the reason. */
  readonly failures: readonly string[];
  readonly slowestMs: number;
}

/** Reports no more than so many failures. */
const MOST_FAILURES = 10;

/** Damages answers of an operation `count` times and tells what the client made of them. */
export function tryDamaged({ name, answers }: Operation, seed: number, count: number): DamageReport {
  const random = seededRandom(seed);
  const refused: Record<string, number> = {};
  const failures: string[] = [];
  let [tried, harmless, slowestMs] = [0, 0, 0];
  const encoded = answers.map((answer) => encode(answer.codec, answer.response));
  const states = answers.map((answer) => answer.state());
  const responses = answers.map(({ response }) => response);
  while (tried < count && failures.length < MOST_FAILURES) {
    const i = Math.floor(random() * answers.length);
    const answer = answers[i] as HonestAnswer;
    const others = responses.length > 1 ? [choose(random, responses), choose(random, responses)] : responses;
    const bytes = damaged(random, answer.codec, answer.response, others);
    if (equalBytes(bytes, encoded[i] as Uint8Array)) continue;
    tried++;
    const start = performance.now();
    const outcome = attempt(answer, bytes);
    slowestMs = Math.max(slowestMs, performance.now() - start);
    const fail = (reason: string): void => void failures.push(`${name}: ${reason}: answer ${i}: ${formatHex(bytes)}`);
    if (outcome === 'harmless') harmless++;
    else if (typeof outcome === 'string') refused[outcome] = (refused[outcome] ?? 0) + 1;
    else fail(outcome.failure);
    if (!equalBytes(answer.state(), states[i] as Uint8Array)) fail('the state changed');
  }
  return { operation: name, tried, refused, harmless, failures, slowestMs };
}

/** The code of the refusal, or what went wrong. */
function attempt(answer: HonestAnswer, bytes: Uint8Array): string | { readonly failure: string } {
  let result: unknown;
  try {
    result = answer.verify(decode(answer.codec, bytes));
  } catch (error) {
    const isRefusal = error instanceof GlasskeyError && (error.fault === 'verification' || error.fault === 'decode');
    return isRefusal ? error.code : { failure: String((error as Error).stack ?? error) };
  }
  return answer.isHarmless?.(result, bytes) === true ? 'harmless' : { failure: `accepted${places(answer, bytes)}` };
}

/** Where a damaged answer differs from the honest one. */
function places({ codec, response }: HonestAnswer, bytes: Uint8Array): string {
  const found: string[] = [];
  const compare = (a: unknown, b: unknown, path: string): void => {
    if (a instanceof Uint8Array && b instanceof Uint8Array) {
      if (!equalBytes(a, b)) found.push(path);
    } else if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null) {
      const names = new Set([...Object.keys(a), ...Object.keys(b)]);
      for (const name of names) compare(a[name as never], b[name as never], `${path}.${name}`);
    } else if (a !== b) found.push(path);
  };
  compare(decode(codec, encode(codec, response)), decode(codec, bytes), '');
  return ` with another ${found.join(', ')}`;
}
