import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';

/** What is needed of `fetch`: the platform's own function fits. */
export type AuditFetch = (url: string, init: { readonly signal: AbortSignal }) => Promise<Response>;

/** One log's files, over HTTP. */
export interface LogFiles {
  /** URL of the tlog-tiles prefix, with its final slash. */
  readonly prefix: string;
  readonly fetch: AuditFetch;
  /** Every request under way. */
  readonly requests: Set<AbortController>;
  /** Longest time for one file, in ms. */
  readonly timeoutMs: number;
}

/** Ends every request under way. */
export function abortRequests(files: LogFiles): void {
  for (const request of files.requests) request.abort();
}

/**
 * Fetches one file below the log's prefix, decompressed, of at most `maximum` decoded bytes. What comes back is untrusted.
 * Throws `network-failed` where the server does not answer, `bad-response` for any status but 200 and for too many bytes.
 */
export async function fetchBytes(files: LogFiles, path: string, maximum: number): Promise<Uint8Array> {
  const request = new AbortController();
  const timer = setTimeout(() => request.abort(), files.timeoutMs);
  files.requests.add(request);
  try {
    const response = await files.fetch(files.prefix + path, { signal: request.signal });
    if (response.status !== 200) throw new GlasskeyError('bad-response', `${path}: status ${response.status}`);
    const bytes = await readAll(response.body, maximum, path);
    return isGzip(bytes) ? await gunzip(bytes, maximum, path) : bytes;
  } catch (cause) {
    if (isGlasskeyError(cause)) throw cause;
    throw new GlasskeyError('network-failed', `${path}: the server could not be read`, { cause });
  } finally {
    clearTimeout(timer);
    files.requests.delete(request);
  }
}

/**
 * `fetch` undoes a Content-Encoding by itself; a static host may serve the compressed file without saying so. Nothing in
 * an audit log begins like a gzip file: it would be a timestamp 60 million years from now, or an entry of 8 KB.
 */
function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function gunzip(bytes: Uint8Array, maximum: number, path: string): Promise<Uint8Array> {
  const compressed = new Response(bytes.slice()).body;
  if (compressed === null) return new Uint8Array();
  return readAll(compressed.pipeThrough(new DecompressionStream('gzip')), maximum, path);
}

async function readAll(body: ReadableStream<Uint8Array> | null, maximum: number, path: string): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    length += step.value.length;
    if (length > maximum) {
      await reader.cancel();
      throw new GlasskeyError('bad-response', `${path}: more than ${maximum} bytes`);
    }
    chunks.push(step.value);
  }
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
