import type { ErrorCode } from '../error-codes.ts';
import { GlasskeyError } from '../errors.ts';

/** Options of {@link readStream}. */
export interface ReadOptions {
  /** The code for a body that is too long. Default: `bad-response`. */
  readonly code?: ErrorCode;
  /** Ends the reading. */
  readonly signal?: AbortSignal;
}

/**
 * Reads an untrusted body of at most `maximum` bytes; null is an empty body. `name` names the body in messages. Cancels
 * a longer body and throws `code`. Cancels the body when `signal` aborts and throws its reason. Rethrows errors of the
 * stream.
 */
export async function readStream(
  body: ReadableStream<Uint8Array> | null,
  maximum: number,
  name: string,
  { code = 'bad-response', signal }: ReadOptions = {},
): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const cancel = (): unknown => reader.cancel(signal?.reason).catch(() => undefined);
  const chunks: Uint8Array[] = [];
  let length = 0;
  signal?.addEventListener('abort', cancel);
  try {
    if (signal?.aborted === true) cancel();
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      length += step.value.length;
      if (length > maximum) throw new GlasskeyError(code, `${name} is longer than ${maximum} bytes`);
      chunks.push(step.value);
    }
    // A body that was cancelled ends like one that is whole.
    signal?.throwIfAborted();
  } catch (error) {
    cancel();
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
  return concatenated(chunks, length);
}

function concatenated(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
