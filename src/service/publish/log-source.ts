import { ensure } from '../../core/errors.ts';
import { boundedFetch, type Fetch, platformFetch } from '../../core/net/bounded-fetch.ts';

/** The source of a log's files. Everything it returns is untrusted. */
export interface LogSource {
  /**
   * Returns the file at `path` below the log's prefix, decompressed, of at most `maximum` bytes. Throws
   * `network-failed`, `bad-response`.
   */
  read(path: string, maximum: number): Promise<Uint8Array>;
}

/** Options of {@link httpLogSource}. */
export interface HttpSourceOptions {
  /** URL of the log's prefix, with its final slash. */
  readonly prefix: string;
  /** Default: the platform's. */
  readonly fetch?: Fetch | undefined;
  /** The time limit for one file. Default: one minute. */
  readonly timeoutMs?: number | undefined;
}

/** Reads a log's files from its server. */
export function httpLogSource(options: HttpSourceOptions): LogSource {
  const { prefix, fetch = platformFetch, timeoutMs = 60_000 } = options;
  return {
    read: async (path, maximum) => {
      const url = prefix + path;
      const { status, body } = await boundedFetch(fetch, url, {}, { timeoutMs, maxBytes: maximum, name: url });
      ensure(status === 200, 'bad-response', `${url}: status ${status}`);
      return body;
    },
  };
}
