import { AwsV4Signer } from 'aws4fetch';
import { equalBytes, formatHex } from '../../core/encoding/bytes.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { boundedFetch, type Fetch, platformFetch, type WholeAnswer } from '../../core/net/bounded-fetch.ts';
import { MAX_PUBLISHED_BYTES, type PublishTarget, type StoredFile } from './publish-target.ts';

/** The address of a bucket, and the credentials to write to it. */
export interface S3Options {
  /** `https://s3.eu-central-1.amazonaws.com`, without a final slash; the bucket is the first element of the path. */
  readonly endpoint: string;
  readonly bucket: string;
  /** The prefix of every key: empty, or with a final slash. */
  readonly prefix: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** Sends a signed request. Default: the platform's `fetch`. */
  readonly fetch?: Fetch | undefined;
  /** The time limit for one request. Default: one minute. */
  readonly timeoutMs?: number | undefined;
  /** The pause before a request is retried; doubles each time. Default: 200 ms. */
  readonly retryMs?: number | undefined;
}

/** The object that tests whether the bucket honours conditional writes. */
const PROBE = '.conditional-writes';
const IMMUTABLE = 'public, max-age=31536000, immutable';
const CHANGING = 'public, max-age=1';
const ATTEMPTS = 4;
/** Statuses after which the request is retried. */
const TRANSIENT: ReadonlySet<number> = new Set([409, 429, 500, 502, 503, 504]);

/** A request as it is signed, and sent. */
interface SignedRequest {
  readonly method: 'GET' | 'PUT';
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

type Condition = { readonly 'if-none-match'?: '*'; readonly 'if-match'?: string };

/**
 * A log published in an S3-compatible bucket. Every write but a repair is conditional (RFC 9110 §13.1:
 * `If-None-Match: *`, `If-Match`), so that concurrent publishers overwrite nothing. A bucket that ignores conditions is
 * refused.
 */
export class S3Target implements PublishTarget {
  readonly #options: S3Options;

  private constructor(options: S3Options) {
    this.#options = options;
  }

  /** Throws `unsupported-operation` for a bucket that ignores or refuses write conditions, and `storage-failed`. */
  static async open(options: S3Options): Promise<S3Target> {
    const target = new S3Target(options);
    await target.#probe();
    const again = await target.#probe();
    ensure(!again, 'unsupported-operation', `the bucket ${options.bucket} does not honour If-None-Match`);
    return target;
  }

  /** Opens a bucket to read it only: nothing is written, and the keys need no right to write. */
  static forReading(options: S3Options): S3Target {
    return new S3Target(options);
  }

  async read(path: string): Promise<StoredFile | undefined> {
    const answer = await this.#send(path, { method: 'GET', headers: {} });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw failure(path, answer);
    const tag = answer.headers.get('etag');
    ensure(tag !== null, 'storage-failed', `${path}: the bucket sends no ETag`);
    return { bytes: answer.body, tag };
  }

  async create(path: string, bytes: Uint8Array): Promise<'written' | 'there'> {
    if (await this.#put(path, bytes, { 'if-none-match': '*' }, IMMUTABLE)) return 'written';
    const known = await this.read(path);
    if (known !== undefined && equalBytes(known.bytes, bytes)) return 'there';
    throw new GlasskeyError(
      'published-differs',
      `${path} is published with different content, which was not overwritten`,
    );
  }

  async replace(path: string, bytes: Uint8Array, expected: StoredFile | undefined): Promise<void> {
    const condition: Condition = expected === undefined ? { 'if-none-match': '*' } : { 'if-match': expected.tag };
    if (await this.#put(path, bytes, condition, CHANGING)) return;
    // The answer to an earlier attempt may have been lost: then the object is ours.
    const known = await this.read(path);
    if (known !== undefined && equalBytes(known.bytes, bytes)) return;
    throw new GlasskeyError('head-moved', `${path} was changed by another publisher`);
  }

  async restore(path: string, bytes: Uint8Array, kind: 'fixed' | 'changing'): Promise<void> {
    await this.#put(path, bytes, {}, kind === 'fixed' ? IMMUTABLE : CHANGING);
  }

  /** Does nothing: a bucket answers once an object is durable. */
  async flush(): Promise<void> {}

  /** Writes the probe if it is not there. Throws `unsupported-operation` if the bucket refuses the condition alone. */
  async #probe(): Promise<boolean> {
    const condition: Condition = { 'if-none-match': '*' };
    const answer = await this.#write(PROBE, new Uint8Array(), condition);
    if (answer.status === 400 && (await this.#write(PROBE, new Uint8Array(), {})).status === 200) {
      const why = `the bucket ${this.#options.bucket} refuses conditional writes${reason(answer)}`;
      throw new GlasskeyError('unsupported-operation', why);
    }
    return isWritten(PROBE, condition, answer);
  }

  /** Writes an object. Returns false if the condition does not hold. */
  async #put(path: string, bytes: Uint8Array, condition: Condition, cacheControl = CHANGING): Promise<boolean> {
    return isWritten(path, condition, await this.#write(path, bytes, condition, cacheControl));
  }

  #write(path: string, bytes: Uint8Array, condition: Condition, cacheControl = CHANGING): Promise<WholeAnswer> {
    const headers = {
      ...condition,
      'cache-control': cacheControl,
      'content-type': 'application/octet-stream',
      'x-amz-content-sha256': formatHex(sha256(bytes)),
    };
    return this.#send(path, { method: 'PUT', headers, body: new Uint8Array(bytes) });
  }

  /** Sends a request, with retries while the bucket is busy. Every request is idempotent: no write undoes another. */
  async #send(path: string, request: SignedRequest): Promise<WholeAnswer> {
    const { retryMs = 200 } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#sendOnce(path, request);
      if (!TRANSIENT.has(answer.status) || attempt === ATTEMPTS) return answer;
      await new Promise((resolve) => setTimeout(resolve, retryMs * 2 ** (attempt - 1)));
    }
  }

  async #sendOnce(path: string, request: SignedRequest): Promise<WholeAnswer> {
    const { endpoint, bucket, prefix, fetch = platformFetch, timeoutMs = 60_000 } = this.#options;
    const { accessKeyId, secretAccessKey, sessionToken, region } = this.#options;
    const url = `${endpoint}/${bucket}/${prefix}${path}`;
    const session = sessionToken === undefined ? {} : { sessionToken };
    const key = { accessKeyId, secretAccessKey, ...session, region, service: 's3' };
    const signed = await new AwsV4Signer({ ...request, url, ...key }).sign();
    const init = { ...request, headers: signed.headers };
    const name = `the bucket ${bucket}`;
    const bounds = { timeoutMs, maxBytes: MAX_PUBLISHED_BYTES, tooLongCode: 'published-differs', name } as const;
    try {
      return await boundedFetch(fetch, signed.url.href, init, bounds);
    } catch (cause) {
      if (isGlasskeyError(cause, 'published-differs')) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new GlasskeyError('storage-failed', `${path}: ${why}`, { cause });
    }
  }
}

/** Returns false if the condition of a write did not hold. */
function isWritten(path: string, condition: Condition, answer: WholeAnswer): boolean {
  if (answer.status === 412) return false;
  // The object of an If-Match is gone.
  if (answer.status === 404 && 'if-match' in condition) return false;
  if (answer.status !== 200) throw failure(path, answer);
  return true;
}

/** Returns the error for a request that the bucket refused. */
function failure(path: string, answer: WholeAnswer): GlasskeyError {
  const why = reason(answer);
  if (answer.status === 501) {
    return new GlasskeyError('unsupported-operation', `${path}: the bucket does not support conditional writes${why}`);
  }
  return new GlasskeyError('storage-failed', `${path}: the bucket answered ${answer.status}${why}`);
}

/** Returns the code that the bucket gave, in parentheses. */
function reason({ body }: WholeAnswer): string {
  const code = /<Code>(\w{1,64})<\/Code>/.exec(new TextDecoder().decode(body))?.[1];
  return code === undefined ? '' : ` (${code})`;
}
