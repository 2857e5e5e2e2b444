import type { ErrorCode } from '../error-codes.ts';
import { GlasskeyError } from '../errors.ts';

/**
 * Reads an untrusted body of at most `maximum` bytes; null is an empty body. `name` names the body in messages. Cancels
 * a longer body and throws `code` (default `bad-response`). Rethrows errors of the stream.
 */
export async function readStream(
  body: ReadableStream<Uint8Array> | null,
  maximum: number,
  name: string,
  code: ErrorCode = 'bad-response',
): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    length += step.value.length;
    if (length > maximum) {
      await reader.cancel().catch(() => undefined);
      throw new GlasskeyError(code, `${name} is longer than ${maximum} bytes`);
    }
    chunks.push(step.value);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
