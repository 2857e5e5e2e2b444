import { readStream } from '../../core/encoding/read-stream.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';

/** The part of `fetch` that an audit needs; the platform's own function fits. */
export type AuditFetch = (url: string, init: { readonly signal: AbortSignal }) => Promise<Response>;

/** The static files of one log, wherever they are. Their content is untrusted. */
export interface AuditFiles {
  /**
   * Reads the file at `path` below the log's prefix, decompressed, of at most `maximum` decoded bytes. Throws
   * `network-failed` if it cannot be reached, `bad-response` if it is missing or too long.
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
  readonly fetch: AuditFetch;
  /** Longest time for one file, in ms. */
  readonly timeoutMs: number;
}

/** Returns the files of a log that a web server serves. */
export function httpAuditFiles(options: HttpAuditFilesOptions): HttpAuditFiles {
  const requests = new Set<AbortController>();
  return {
    read: (path, maximum) => fetchBytes(options, requests, path, maximum),
    close: () => {
      for (const request of requests) request.abort();
    },
  };
}

/**
 * Returns the same files under a checkpoint that was read before, so that a log that grows meanwhile stays as it was.
 */
export function withCheckpoint(files: AuditFiles, checkpoint: Uint8Array): AuditFiles {
  return { read: async (path, maximum) => (path === 'checkpoint' ? checkpoint : files.read(path, maximum)) };
}

async function fetchBytes(
  { prefix, fetch, timeoutMs }: HttpAuditFilesOptions,
  requests: Set<AbortController>,
  path: string,
  maximum: number,
): Promise<Uint8Array> {
  const request = new AbortController();
  const timer = setTimeout(() => request.abort(), timeoutMs);
  requests.add(request);
  try {
    const response = await fetch(prefix + path, { signal: request.signal });
    if (response.status !== 200) {
      await response.body?.cancel().catch(() => undefined);
      throw new GlasskeyError('bad-response', `${path}: status ${response.status}`);
    }
    return await inflate(await readStream(response.body, maximum, path), maximum, path);
  } catch (cause) {
    if (isGlasskeyError(cause)) throw cause;
    throw new GlasskeyError('network-failed', `${path}: the server could not be read`, { cause });
  } finally {
    clearTimeout(timer);
    requests.delete(request);
  }
}

/**
 * Inflates gzip. `fetch` undoes a Content-Encoding by itself, but a static host may serve the compressed file without
 * saying so. Nothing in an audit log begins like a gzip file: it would be a timestamp 60 million years from now, or an
 * entry of 8 KB.
 */
async function inflate(bytes: Uint8Array, maximum: number, path: string): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const compressed = new Response(bytes.slice()).body;
  if (compressed === null) return new Uint8Array();
  return readStream(compressed.pipeThrough(new DecompressionStream('gzip')), maximum, path);
}
