import { decodeLossyUtf8 } from '../core/encoding/bytes.ts';
import { type Codec, decode, encode } from '../core/encoding/codec.ts';
import { GlasskeyError } from '../core/errors.ts';
import { boundedFetch, type Fetch, printable, type WholeAnswer } from '../core/net/bounded-fetch.ts';
import {
  JSON_MEDIA_TYPE,
  KEYTRANS_MEDIA_TYPE,
  LOOKUP_TOKEN_HEADER,
  mediaTypeOf,
  PROBLEM_MEDIA_TYPE,
} from '../contract/media-types.ts';
import { JsonFields } from '../contract/json-fields.ts';
import { parseProblem } from '../contract/parse-problem.ts';

/** Options of {@link Transport}. */
export interface TransportOptions {
  /** http or https URL of the server, with or without a trailing slash. */
  readonly server: string;
  readonly fetch: Fetch;
  /** Returns a lookup token of the application, for a server that answers about some names only to bearers. */
  readonly lookupToken?: (() => string | Promise<string>) | undefined;
  /** Longest wait for one answer, in ms. */
  readonly timeoutMs: number;
  /** Ends every request, those under way and those to come. Default: nothing does. */
  readonly signal?: AbortSignal | undefined;
}

/** Most bytes of an answer that are read. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/**
 * HTTP to one server, with every answer bounded in size and time. Answers are untrusted. Methods throw `network-failed`
 * if there is no answer, `bad-response` if the answer is not in the protocol, and the server's own code (or
 * `request-refused`) if it refuses.
 */
export class Transport {
  readonly #base: string;
  /** The function that makes the requests. */
  readonly fetch: Fetch;
  /** Ends every request. */
  readonly signal: AbortSignal | undefined;
  readonly #timeoutMs: number;
  readonly #lookupToken: TransportOptions['lookupToken'];

  constructor(options: TransportOptions) {
    this.#base = serverBase(options.server);
    this.fetch = options.fetch;
    this.signal = options.signal;
    this.#timeoutMs = options.timeoutMs;
    this.#lookupToken = options.lookupToken;
  }

  /** The server's URL without a trailing slash. */
  get server(): string {
    return this.#base;
  }

  /** Returns the text at `path`. */
  async getText(path: string): Promise<string> {
    return decodeLossyUtf8(await this.#request(path, {}));
  }

  /** Returns the bytes at `path`. */
  async getBytes(path: string): Promise<Uint8Array> {
    return this.#request(path, {});
  }

  /** Sends a JSON body. The answer's JSON is untrusted. */
  async postJson(path: string, body: unknown, token?: string): Promise<unknown> {
    const headers = await this.#headers(JSON_MEDIA_TYPE);
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    const answer = await this.#request(path, { method: 'POST', headers, body: JSON.stringify(body) });
    try {
      return JSON.parse(decodeLossyUtf8(answer));
    } catch (error) {
      throw new GlasskeyError('bad-response', 'the answer is not JSON', { cause: error });
    }
  }

  /** Sends a TLS-encoded question, which changes nothing, and decodes its TLS-encoded answer. */
  async postKeytrans<Q, A>(path: string, request: [Codec<Q>, Q], answer: Codec<A>): Promise<A> {
    const headers = await this.#headers(KEYTRANS_MEDIA_TYPE);
    const body = new Uint8Array(encode(...request));
    return decode(answer, await this.#request(path, { method: 'POST', headers, body }, true));
  }

  async #headers(type: string): Promise<Record<string, string>> {
    const token = await this.#lookupToken?.();
    return { 'content-type': type, ...(token === undefined ? {} : { [LOOKUP_TOKEN_HEADER]: token }) };
  }

  async #request(path: string, init: RequestInit, onlyReads = init.method === undefined): Promise<Uint8Array> {
    const answer = await boundedFetch(this.fetch, this.#base + path, init, {
      timeoutMs: this.#timeoutMs,
      signal: this.signal,
      maxBytes: MAX_ANSWER_BYTES,
      name: this.#base,
      onlyReads,
    });
    if (answer.status < 200 || answer.status > 299) throw refusal(answer);
    return answer.body;
  }
}

/**
 * Returns an http or https URL without its trailing slash. Throws `usage`; the message does not repeat what may hold a
 * password.
 */
export function serverBase(server: string): string {
  let url: URL;
  try {
    url = new URL(server);
  } catch {
    throw new GlasskeyError('usage', 'not the URL of a server');
  }
  if (url.username !== '' || url.password !== '') {
    throw new GlasskeyError('usage', 'the URL of a server holds no user and no password');
  }
  const plain = /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '';
  if (!plain) throw new GlasskeyError('usage', `not the http or https URL of a server: ${server}`);
  return url.href.replace(/\/$/, '');
}

/** Returns the error for a refusal, with the server's own code if this version knows it. */
function refusal({ status: code, statusText, headers, body }: WholeAnswer): GlasskeyError {
  const status = printable(`${code} ${statusText}`.trim());
  if (mediaTypeOf(headers.get('content-type')) !== PROBLEM_MEDIA_TYPE) {
    return new GlasskeyError('bad-response', `the server answered ${status} and no problem details`);
  }
  return refusalOf(body, code, status);
}

/** Returns the error for untrusted problem details (RFC 9457, JSON) inside an answer. */
export function refusalIn(problem: Uint8Array): GlasskeyError {
  try {
    const fields = new JsonFields(JSON.parse(decodeLossyUtf8(problem)), 'bad-response', 'problem');
    const status = fields.integer('status');
    return refusalOf(problem, status, printable(`${status} ${fields.string('title', 64)}`));
  } catch (error) {
    return new GlasskeyError('bad-response', 'the server refuses, with problem details that cannot be read', {
      cause: error,
    });
  }
}

function refusalOf(problem: Uint8Array, status: number, inWords: string): GlasskeyError {
  try {
    const { code, detail } = parseProblem(JSON.parse(decodeLossyUtf8(problem)), status);
    return new ServerRefusal(code ?? 'request-refused', printable(detail ?? inWords), status);
  } catch (error) {
    return new GlasskeyError(
      'bad-response',
      `the server answered ${inWords}, with problem details that cannot be read`,
      { cause: error },
    );
  }
}

/** A refusal by the server, with its code and its words, which are evidence of nothing. */
export class ServerRefusal extends GlasskeyError {
  /** HTTP status. */
  readonly status: number;

  constructor(code: GlasskeyError['code'], message: string, status: number) {
    super(code, message);
    this.status = status;
  }
}
