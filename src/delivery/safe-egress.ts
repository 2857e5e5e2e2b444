import { type IncomingMessage, request as httpRequest } from 'node:http';
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { withDeadline } from '../core/net/with-deadline.ts';
import { type EgressEnd, type EgressWay, openEgress } from './egress-connection.ts';
import { canonicalHttpsUrl } from './https-url.ts';
import { EgressRanges } from './public-addresses.ts';
import { type ResolveHost, resolvePublicHost } from './resolve-host.ts';

/** The operator's bounds on requests to addresses that users chose. */
export interface EgressSettings {
  /** The URL of an HTTP proxy that takes CONNECT, with its credentials if it needs any. Default: none. */
  readonly proxy?: string | undefined;
  /** CIDR blocks that may be connected to although they are not public: for intranets. Default: none. */
  readonly allowPrivate?: readonly string[] | undefined;
  /** The ports that may be connected to. Default: 443 alone. */
  readonly ports?: readonly number[] | undefined;
  /** CAs in PEM that are trusted beside the platform's. Default: none. */
  readonly ca?: string | undefined;
  /** Longest time for one request, from its name's resolution to the end of its answer, ms. */
  readonly timeoutMs: number;
}

/** A request to an address that a user chose. */
export interface EgressPost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The untrusted answer. */
export interface EgressAnswer {
  readonly status: number;
  /** The delay that the other side asks for, ms. */
  readonly retryAfterMs: number | undefined;
  /** The first {@link MAX_ANSWER_BYTES} of the body. */
  readonly body: Uint8Array;
}

const MAX_ANSWER_BYTES = 4096;
const MAX_HEADER_BYTES = 8192;
const HTTPS_PORT = 443;

/**
 * Sends requests to addresses that strangers chose, and leads nowhere but to the public internet. A name is resolved
 * once; every address that it has must be public; the connection is to the first of them, and TLS must show the name.
 * Redirects are answers like others, and answers are read up to a bound and within one deadline.
 */
export class SafeEgress {
  readonly #ranges: EgressRanges;
  readonly #ports: readonly number[];
  readonly #way: EgressWay;
  readonly #timeoutMs: number;
  readonly #resolve: ResolveHost;

  /** Throws `usage` for settings that cannot be read. */
  constructor(settings: EgressSettings, resolve: ResolveHost = resolvePublicHost) {
    const { proxy, allowPrivate = [], ports = [HTTPS_PORT], ca, timeoutMs } = settings;
    this.#ranges = new EgressRanges(allowPrivate);
    this.#ports = ports;
    this.#way = {
      proxy: proxy === undefined ? undefined : proxyUrl(proxy),
      ca: ca === undefined ? undefined : [...rootCertificates, ca],
    };
    this.#timeoutMs = timeoutMs;
    this.#resolve = resolve;
  }

  /**
   * Posts once. Throws `invalid-request` for a place that is not allowed, and `network-failed` without an answer in
   * time. Messages hold neither URL nor address. Aborting `signal` ends the request.
   */
  async post(post: EgressPost, signal?: AbortSignal): Promise<EgressAnswer> {
    const late = (): Error => new GlasskeyError('network-failed', 'no answer in time');
    try {
      return await withDeadline({ timeoutMs: this.#timeoutMs, signal }, late, async (ending) => {
        const url = new URL(canonicalHttpsUrl(post.url));
        const end = await this.#judge(url, ending);
        const socket = await openEgress(end, this.#way, ending);
        return await exchange(socket, url, post).finally(() => socket.destroy());
      });
    } catch (error) {
      if (isGlasskeyError(error)) throw error;
      throw new GlasskeyError('network-failed', `no answer: ${codeOf(error)}`);
    }
  }

  async #judge({ hostname, port: given }: URL, signal: AbortSignal): Promise<EgressEnd> {
    const port = given === '' ? HTTPS_PORT : Number(given);
    ensure(this.#ports.includes(port), 'invalid-request', 'the port is not allowed');
    const host = hostname.replaceAll(/^\[|\]$/g, '');
    const addresses = isIP(host) === 0 ? await this.#resolve(host, signal) : [host];
    const [address] = addresses;
    if (address === undefined) throw new GlasskeyError('network-failed', 'the host has no address');
    // One address inside is enough to refuse all: such a name is a trap, or a mistake that will be one.
    const isPublic = addresses.every((one) => this.#ranges.includes(one));
    ensure(isPublic, 'invalid-request', 'the host is not on the public internet');
    return { host, address, port };
  }
}

function exchange(socket: Awaited<ReturnType<typeof openEgress>>, url: URL, post: EgressPost): Promise<EgressAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      createConnection: () => socket,
      method: 'POST',
      path: `${url.pathname}${url.search}`,
      headers: { ...post.headers, host: url.host, 'content-length': String(post.body.length), connection: 'close' },
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    outgoing.on('response', (response) => void answerOf(response).then(resolve, reject));
    outgoing.on('error', reject);
    socket.on('error', reject);
    socket.on('close', () => setImmediate(() => reject(new Error('the connection ended'))));
    outgoing.end(post.body);
  });
}

async function answerOf(response: IncomingMessage): Promise<EgressAnswer> {
  const { statusCode: status = 0, headers } = response;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, MAX_ANSWER_BYTES - length));
    length += chunk.length;
    if (length >= MAX_ANSWER_BYTES) break;
  }
  return { status, retryAfterMs: retryAfterMs(headers['retry-after']), body: Buffer.concat(chunks) };
}

/** Reads the form in seconds of Retry-After (RFC 9110 §10.2.3). A date would need the other side's clock. */
function retryAfterMs(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * 1000 : undefined;
}

function proxyUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isProxy = url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:') && url.pathname === '/';
  ensure(isProxy, 'usage', 'the egress proxy is not an http or https URL without a path');
  return url;
}

/** Returns a code such as ECONNREFUSED. The message of the platform holds the address. */
function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'the connection ended';
}
