import { readStream } from '../../core/encoding/read-stream.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { boundedFetch, type Fetch, type FetchBounds, type WholeAnswer } from '../../core/net/bounded-fetch.ts';

/** The static files of one log, wherever they are. Their content is untrusted. */
export interface AuditFiles {
  /**
   * Reads the file at `path` below the log's prefix, decompressed, of at most `maximum` decoded bytes. Throws
   * `network-failed` if it cannot be reached, `bad-response` if it is missing, too long or broken.
   */
  read(path: string, maximum: number): Promise<Uint8Array>;
}

/** Files over HTTP; the requests under way can be aborted. */
export interface HttpAuditFiles extends AuditFiles {
  /** Aborts every request under way. */
  close(): void;
}

/** Options of {@link httpAuditFiles}. */
export interface HttpAuditFilesOptions {
  /** URL of the tlog-tiles prefix, with its final slash. */
  readonly prefix: string;
  readonly fetch: Fetch;
  /** Longest time for one file, in ms. */
  readonly timeoutMs: number;
  /** Ends every request. Default: nothing does. */
  readonly signal?: AbortSignal | undefined;
}

/** Most attempts at one file of a server that says that it is busy (503, 429). */
const MAX_ATTEMPTS = 6;
/** Bounds of one wait between two attempts, s: no server makes an audit wait for longer. */
const LEAST_WAIT_SECONDS = 1;
const LONGEST_WAIT_SECONDS = 10;

/** Returns the files of a log that a web server serves. A server that is busy is asked again, at most five times. */
export function httpAuditFiles({ prefix, fetch, timeoutMs, signal: outer }: HttpAuditFilesOptions): HttpAuditFiles {
  // One signal for each request: Node warns of a leak where many requests wait for the same one.
  const requests = new Set<AbortController>();
  const abort = (): void => {
    for (const request of requests) request.abort();
  };
  outer?.addEventListener('abort', abort);
  return {
    read: async (path, maximum) => {
      const request = new AbortController();
      if (outer?.aborted === true) request.abort();
      requests.add(request);
      const url = prefix + path;
      try {
        const bounds = { timeoutMs, signal: request.signal, maxBytes: maximum, name: url };
        const { status, body } = await fetchPatiently(fetch, url, bounds);
        ensure(status === 200, 'bad-response', `${url}: status ${status}`);
        return await inflate(body, maximum, path);
      } finally {
        requests.delete(request);
      }
    },
    close: () => {
      outer?.removeEventListener('abort', abort);
      abort();
    },
  };
}

/** Sends a request until the server is not busy, after as many seconds as it asks for, within bounds. */
async function fetchPatiently(
  fetch: Fetch,
  url: string,
  bounds: FetchBounds & { readonly signal: AbortSignal },
): Promise<WholeAnswer> {
  for (let attempt = 1; ; attempt++) {
    const answer = await boundedFetch(fetch, url, {}, bounds);
    const isBusy = answer.status === 503 || answer.status === 429;
    if (!isBusy || attempt === MAX_ATTEMPTS) return answer;
    const asked = Number(answer.headers.get('retry-after') ?? 0);
    const seconds = Number.isInteger(asked) ? Math.max(asked, LEAST_WAIT_SECONDS) : LEAST_WAIT_SECONDS;
    await sleep(Math.min(seconds, LONGEST_WAIT_SECONDS) * 1000, bounds.signal);
    ensure(!bounds.signal.aborted, 'network-failed', `${url}: busy until the reading ended`);
  }
}

/** Waits for `ms`, or until the signal is aborted. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

/**
 * Returns the same files under a checkpoint that was read before, so that a log that grows meanwhile stays as it was.
 */
export function withCheckpoint(files: AuditFiles, checkpoint: Uint8Array): AuditFiles {
  return { read: async (path, maximum) => (path === 'checkpoint' ? checkpoint : files.read(path, maximum)) };
}

/**
 * Inflates gzip. `fetch` undoes a Content-Encoding by itself, but a static host may serve the compressed file without
 * saying so. Nothing in an audit log begins like a gzip file: it would be a timestamp 60 million years from now, or an
 * entry of 8 KB.
 */
async function inflate(bytes: Uint8Array, maximum: number, path: string): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  ensure(
    typeof DecompressionStream === 'function',
    'platform-unsupported',
    `${path} is compressed: this platform cannot`,
  );
  const compressed = new Response(bytes.slice()).body;
  if (compressed === null) return new Uint8Array();
  return readStream(compressed.pipeThrough(new DecompressionStream('gzip')), maximum, path).catch((cause: unknown) => {
    if (isGlasskeyError(cause)) throw cause;
    throw new GlasskeyError('bad-response', `${path} is not whole as a gzip file`, { cause });
  });
}
