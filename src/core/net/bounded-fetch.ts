import { type ReadOptions, readStream } from '../encoding/read-stream.ts';
import type { ErrorCode } from '../error-codes.ts';
import { GlasskeyError, isGlasskeyError } from '../errors.ts';
import { type TimeLimits, withDeadline } from './with-deadline.ts';

/** `fetch`, as the platform has it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The platform's own `fetch`. Only {@link boundedFetch} calls it. */
export const platformFetch: Fetch = (url, init) => fetch(url, init);

/** The bounds of one request; the time is from the first byte sent to the last byte received. */
export interface FetchBounds extends TimeLimits {
  /** Most bytes of the body, as the platform has inflated it. */
  readonly maxBytes: number;
  /** The code for a body that is too long. Default: `bad-response`. */
  readonly tooLongCode?: ErrorCode;
  /** Names the other side in messages. */
  readonly name: string;
  /**
   * True for a request that changes nothing and may be sent again if its connection ends before an answer. Default:
   * only a GET is.
   */
  readonly onlyReads?: boolean;
}

/** Most attempts at a request that only reads. */
const ATTEMPTS = 3;

/**
 * Codes of a connection that ended. One that is kept for the next request often ends just then: the server restarts, or
 * a load balancer finds it idle.
 */
const CONNECTION_ENDED: readonly unknown[] = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'];

/** A whole answer within the bounds. All of it is untrusted. */
export interface WholeAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/**
 * Sends a request to a server that may be slow, talkative, hostile or down, and reads its answer. Every outgoing
 * request of Glasskey goes through here. It follows no redirect: the server must not send us, or what we tell it,
 * elsewhere. Throws `network-failed` without a whole answer in time, `bad-response` for a redirect, a body that is
 * too long when inflated, or one that was compressed more than once.
 */
export async function boundedFetch(
  fetch: Fetch,
  url: string,
  init: RequestInit,
  bounds: FetchBounds,
): Promise<WholeAnswer> {
  const { timeoutMs, maxBytes, tooLongCode: code = 'bad-response', name } = bounds;
  const late = (): Error => new GlasskeyError('network-failed', `no whole answer from ${name} within ${timeoutMs} ms`);
  try {
    return await withDeadline(bounds, late, async (signal) => {
      const attempts = (bounds.onlyReads ?? (init.method ?? 'GET') === 'GET') ? ATTEMPTS : 1;
      // Workers know no `redirect: 'error'`.
      const response = await untilAnswered(attempts, () => fetch(url, { ...init, redirect: 'manual', signal }));
      const isRedirect = isRedirected(response, url);
      if (isRedirect) await response.body?.cancel().catch(() => undefined);
      if (isRedirect) throw new GlasskeyError('bad-response', `${name} redirects, and no redirect is followed`);
      const { status, statusText, headers } = response;
      if (hasManyCodings(headers)) {
        await response.body?.cancel().catch(() => undefined);
        throw new GlasskeyError('bad-response', `${name} compresses its answer more than once`);
      }
      const body = await readBody(response, maxBytes, `the answer of ${name} (${status})`, { signal, code });
      return { status, statusText, headers, body };
    });
  } catch (error) {
    if (isGlasskeyError(error)) throw error;
    throw new GlasskeyError('network-failed', `no answer from ${name}: ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * Reads a body within its bound. React Native has no streams: there the whole body is in memory before its length is
 * known, unless the server states it.
 */
async function readBody(response: Response, maximum: number, name: string, options: ReadOptions): Promise<Uint8Array> {
  const stream = response.body as ReadableStream<Uint8Array> | null | undefined;
  if (stream !== undefined) return readStream(stream, maximum, name, options);
  const tooLong = new GlasskeyError(options.code ?? 'bad-response', `${name} is longer than ${maximum} bytes`);
  if (Number(response.headers.get('content-length') ?? 0) > maximum) throw tooLong;
  const body = new Uint8Array(await response.arrayBuffer());
  if (body.length > maximum) throw tooLong;
  return body;
}

/** Sends a request again if its connection ends before an answer. */
async function untilAnswered(attempts: number, send: () => Promise<Response>): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      const cause: unknown = error instanceof Error ? error.cause : undefined;
      const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined;
      if (attempt >= attempts || !CONNECTION_ENDED.includes(code)) throw error;
    }
  }
}

/**
 * Returns true for an answer that was compressed several times: each inflater would work and buffer for the next. With
 * one, the platform inflates no further than the body is read.
 */
function hasManyCodings(headers: Headers): boolean {
  return headers.get('content-encoding')?.includes(',') === true;
}

/**
 * Returns true for a redirect, which a browser shows without its status, and for one that was followed nevertheless.
 */
function isRedirected(response: Response, asked: string): boolean {
  const { type, status, url } = response;
  if (type === 'opaqueredirect' || (status >= 300 && status < 400)) return true;
  // React Native follows redirects, and says so only by the address.
  const { redirected = url !== '' && new URL(url).href !== new URL(asked).href } = response as Partial<Response>;
  return redirected;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason';
  const { cause } = error;
  if (!(cause instanceof Error)) return printable(error.message);
  const advice = ADVICE.find(([pattern]) =>
    pattern.test(`${'code' in cause ? String(cause.code) : ''} ${cause.message}`),
  );
  // OpenSSL's errors name its own source files; their fourth field is for people.
  const words = cause.message.replace(/^(?:[^:]*:)?error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):[^]*$/, '$1');
  return printable(`${words}${advice === undefined ? '' : `. Next: ${advice[1]}`}`);
}

/** Advice about failures of connections, by their codes and words in Node. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'check that the server runs, and its address'],
  [/ENOTFOUND/, 'check the name of the host'],
  [
    /WRONG_VERSION_NUMBER|wrong version number|packet length too long/i,
    'nothing speaks TLS there: check port and scheme',
  ],
  [/SELF_SIGNED|UNABLE_TO_|CERT_UNTRUSTED/, 'name the CA of its TLS certificate in NODE_EXTRA_CA_CERTS'],
];

/** Makes untrusted words fit for a terminal or a log: without control characters, line breaks and direction marks. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd');
}
