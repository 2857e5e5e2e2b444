import { type Codec, decode, encode } from '../core/encoding/codec.ts';
import { readStream } from '../core/encoding/read-stream.ts';
import { GlasskeyError } from '../core/errors.ts';
import {
  JSON_MEDIA_TYPE,
  KEYTRANS_MEDIA_TYPE,
  LOOKUP_TOKEN_HEADER,
  mediaTypeOf,
  PROBLEM_MEDIA_TYPE,
} from '../contract/media-types.ts';
import { JsonFields } from '../contract/json-fields.ts';
import { parseProblem } from '../contract/parse-problem.ts';

/** `fetch`, as the platform has it. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/** Options of {@link Transport}. */
export interface TransportOptions {
  /** http or https URL of the server, with or without a trailing slash. */
  readonly server: string;
  readonly fetch: Fetch;
  /** Returns a lookup token of the application, for a server that answers about some names only to bearers. */
  readonly lookupToken?: (() => string | Promise<string>) | undefined;
  /** Longest wait for one answer, in ms. */
  readonly timeoutMs: number;
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
  readonly #timeoutMs: number;
  readonly #lookupToken: TransportOptions['lookupToken'];

  constructor(options: TransportOptions) {
    this.#base = serverBase(options.server);
    this.fetch = options.fetch;
    this.#timeoutMs = options.timeoutMs;
    this.#lookupToken = options.lookupToken;
  }

  /** The server's URL without a trailing slash. */
  get server(): string {
    return this.#base;
  }

  /** Returns the text at `path`. */
  async getText(path: string): Promise<string> {
    return new TextDecoder().decode(await this.#request(path, {}));
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
      return JSON.parse(new TextDecoder().decode(answer));
    } catch (error) {
      throw new GlasskeyError('bad-response', 'the answer is not JSON', { cause: error });
    }
  }

  /** Sends a TLS-encoded request and decodes its TLS-encoded answer. */
  async postKeytrans<Q, A>(path: string, request: [Codec<Q>, Q], answer: Codec<A>): Promise<A> {
    const headers = await this.#headers(KEYTRANS_MEDIA_TYPE);
    const body = new Uint8Array(encode(...request));
    return decode(answer, await this.#request(path, { method: 'POST', headers, body }));
  }

  async #headers(type: string): Promise<Record<string, string>> {
    const token = await this.#lookupToken?.();
    return { 'content-type': type, ...(token === undefined ? {} : { [LOOKUP_TOKEN_HEADER]: token }) };
  }

  async #request(path: string, init: RequestInit): Promise<Uint8Array> {
    let response: Response;
    let body: Uint8Array;
    try {
      const signal = AbortSignal.timeout(this.#timeoutMs);
      // A posted body, such as a token, is for this server only: it must not redirect it to another.
      const redirect = init.method === 'POST' ? 'error' : 'follow';
      response = await this.fetch(this.#base + path, { ...init, redirect, signal });
      body = await readStream(response.body, MAX_ANSWER_BYTES, 'the answer');
    } catch (error) {
      if (error instanceof GlasskeyError) throw error;
      throw new GlasskeyError('network-failed', `no answer from ${this.#base}: ${reasonOf(error)}`, { cause: error });
    }
    if (!response.ok) throw refusal(response, body);
    return body;
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
function refusal(response: Response, body: Uint8Array): GlasskeyError {
  const status = printable(`${response.status} ${response.statusText}`.trim());
  if (mediaTypeOf(response.headers.get('content-type')) !== PROBLEM_MEDIA_TYPE) {
    return new GlasskeyError('bad-response', `the server answered ${status} and no problem details`);
  }
  return refusalOf(body, response.status, status);
}

/** Returns the error for untrusted problem details (RFC 9457, JSON) inside an answer. */
export function refusalIn(problem: Uint8Array): GlasskeyError {
  try {
    const fields = new JsonFields(JSON.parse(new TextDecoder().decode(problem)), 'bad-response', 'problem');
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
    const { code, detail } = parseProblem(JSON.parse(new TextDecoder().decode(problem)), status);
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

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason';
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return printable(`${error.message}${cause}`);
}

/** Makes untrusted words fit for a terminal or a log: without control characters, line breaks and direction marks. */
function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd');
}
