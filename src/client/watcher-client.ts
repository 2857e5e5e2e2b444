import { JSON_MEDIA_TYPE, mediaTypeOf, PROBLEM_MEDIA_TYPE } from '../contract/media-types.ts';
import { JsonFields, parseJson } from '../contract/json-fields.ts';
import { WATCHER_PATHS } from '../contract/paths.ts';
import { MAX_NOTE_BYTES } from '../core/audit/note.ts';
import { decodeLossyUtf8 } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { boundedFetch, type Fetch, platformFetch, type WholeAnswer } from '../core/net/bounded-fetch.ts';
import { refusalIn, serverBase } from './transport.ts';

/** A watcher as it describes itself. */
export interface WatcherDescription {
  /** Origin of the log that it watches. */
  readonly origin: string;
  /** Its public key, 32 bytes. */
  readonly key: Uint8Array;
  /** Entries that it has audited. */
  readonly size: number;
  /** Time of its last round in which all of the log verified, ISO 8601; undefined before the first. */
  readonly verified: string | undefined;
}

/** A watcher's answer to a mandate. */
export interface MandateAnswer {
  readonly change: 'new' | 'replaced' | 'withdrawn' | 'same';
  readonly addresses: readonly {
    readonly address: string;
    readonly state: 'confirmed' | 'sent' | 'failed' | 'refused' | 'too-often';
    /** The URL of a new feed: a secret. */
    readonly feed: string | undefined;
  }[];
}

const TIMEOUT_MS = 60_000;
const MAX_ANSWER_BYTES = 64 * 1024;
const STATES = ['confirmed', 'sent', 'failed', 'refused', 'too-often'] as const;

/**
 * HTTP to a watcher (docs/spec.md#watcher-http). Its answers are untrusted: what it says about the log, a client proves
 * for itself. Methods throw `network-failed`, `bad-response`, and the watcher's own code if it refuses.
 */
export class WatcherClient {
  readonly #base: string;
  readonly #fetch: Fetch;

  /** `url` of the watcher. Throws `usage`. */
  constructor(url: string, fetch: Fetch = platformFetch) {
    this.#base = serverBase(url);
    this.#fetch = fetch;
  }

  /** Returns the watcher's description. Its key is its own word: compare it with what its operator publishes. */
  async describe(): Promise<WatcherDescription> {
    const fields = await this.#json(WATCHER_PATHS.description, {});
    return {
      origin: fields.string('origin', 255),
      key: fields.base64('key', { minimum: 32, maximum: 32 }),
      size: fields.integer('size'),
      verified: fields.has('verified') ? fields.string('verified', 32) : undefined,
    };
  }

  /** Returns the newest checkpoint that the watcher has audited, for `KeyDirectory.compareCheckpoint`. */
  async checkpoint(): Promise<string> {
    return decodeLossyUtf8((await this.#ask(WATCHER_PATHS.checkpoint, {}, MAX_NOTE_BYTES)).body);
  }

  /** Sends a mandate with the addresses that it was signed for. */
  async send(identity: string, mandate: string, addresses: readonly string[]): Promise<MandateAnswer> {
    const fields = await this.#post(WATCHER_PATHS.mandates, { identity, mandate, addresses });
    return {
      change: fields.oneOf('change', ['new', 'replaced', 'withdrawn', 'same']),
      addresses: fields.array('addresses', { minimum: 0, maximum: 8 }).map((one) => {
        const address = new JsonFields(one, 'bad-response', 'address');
        return {
          address: address.string('address', 4096),
          state: address.oneOf('state', STATES),
          feed: address.has('feed') ? address.string('feed', 2048) : undefined,
        };
      }),
    };
  }

  /** Confirms an address by the code that came to it. Returns the name. Throws `code-refused`. */
  async confirm(code: string): Promise<string> {
    return (await this.#post(WATCHER_PATHS.confirm, { code })).string('identity', 512);
  }

  #post(path: string, body: unknown): Promise<JsonFields> {
    const headers = { 'content-type': JSON_MEDIA_TYPE };
    return this.#json(path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  async #json(path: string, init: RequestInit): Promise<JsonFields> {
    const { body } = await this.#ask(path, init, MAX_ANSWER_BYTES);
    return new JsonFields(parseJson(decodeLossyUtf8(body), 'bad-response'), 'bad-response', 'answer');
  }

  async #ask(path: string, init: RequestInit, maxBytes: number): Promise<WholeAnswer> {
    const bounds = { timeoutMs: TIMEOUT_MS, maxBytes, name: this.#base };
    const answer = await boundedFetch(this.#fetch, this.#base + path, init, bounds);
    if (mediaTypeOf(answer.headers.get('content-type')) === PROBLEM_MEDIA_TYPE) throw refusalIn(answer.body);
    ensure(answer.status === 200, 'bad-response', `the watcher answered ${answer.status}`);
    return answer;
  }
}
