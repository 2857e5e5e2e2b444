import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { readStream } from '../../core/encoding/read-stream.ts';

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
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** The time limit for one file. Default: one minute. */
  readonly timeoutMs?: number | undefined;
}

/** Reads a log's files from its server. */
export function httpLogSource(options: HttpSourceOptions): LogSource {
  const { prefix, timeoutMs = 60_000 } = options;
  const send = options.fetch ?? ((url: string, init: RequestInit) => fetch(url, init));
  return {
    read: async (path, maximum) => {
      try {
        const response = await send(prefix + path, { signal: AbortSignal.timeout(timeoutMs) });
        if (response.status !== 200) {
          await response.body?.cancel().catch(() => undefined);
          throw new GlasskeyError('bad-response', `${path}: status ${response.status}`);
        }
        return await readStream(response.body, maximum, path);
      } catch (cause) {
        if (isGlasskeyError(cause)) throw cause;
        throw new GlasskeyError('network-failed', `${path}: the server cannot be reached`, { cause });
      }
    },
  };
}
