import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { readStream } from '../../core/encoding/read-stream.ts';

/** Where a log's files come from. All that it gives is untrusted. */
export interface LogSource {
  /**
   * The file at `path` below the log's prefix, decompressed, of at most `maximum` bytes. Throws `network-failed`,
   * `bad-response`.
   */
  read(path: string, maximum: number): Promise<Uint8Array>;
}

/** How to reach a server. */
export interface HttpSourceOptions {
  /** URL of the log's prefix, with its final slash. */
  readonly prefix: string;
  /** Default: the platform's. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** Longest time for one file. Default: one minute. */
  readonly timeoutMs?: number | undefined;
}

/** The files of a log that a server serves. */
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
        throw new GlasskeyError('network-failed', `${path}: the server could not be read`, { cause });
      }
    },
  };
}
