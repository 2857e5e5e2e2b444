import { GlasskeyError } from '../core/errors.ts';

/** The untrusted body of an answer, of at most `maximum` bytes; `name` is what was asked for. Throws `bad-response`, and what the connection throws. */
export async function readAll(response: Response, maximum: number, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maximum) throw new GlasskeyError('bad-response', `${name}: more than ${maximum} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
