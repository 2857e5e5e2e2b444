import type { Context } from 'hono';
import { mediaTypeOf } from '../contract/media-types.ts';
import { readStream } from '../core/encoding/read-stream.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';

/**
 * Reads a request body of the given media type and at most `maximum` bytes. Refuses a body by its announced length
 * before it reads a byte. Throws `unsupported-media-type`, `payload-too-large`, `invalid-request`.
 */
export async function readBody(c: Context, mediaType: string, maximum: number): Promise<Uint8Array> {
  const given = mediaTypeOf(c.req.header('content-type'));
  ensure(given === mediaType, 'unsupported-media-type', `the body must be ${mediaType}`);
  const encoding = c.req.header('content-encoding') ?? 'identity';
  ensure(encoding === 'identity', 'unsupported-media-type', 'the body must not be compressed');
  const announced = c.req.header('content-length');
  if (announced === undefined) return readRequest(c.req.raw.body, maximum);
  ensure(/^\d{1,15}$/.test(announced), 'invalid-request', 'the Content-Length is not a number');
  ensure(Number(announced) <= maximum, 'payload-too-large', `the body is longer than ${maximum} bytes`);
  return new Uint8Array(await c.req.arrayBuffer().catch(refuseBroken));
}

/**
 * Reads a request's stream of at most `maximum` bytes. Throws `payload-too-large`, and `invalid-request` for a body
 * that breaks off.
 */
export async function readRequest(body: ReadableStream<Uint8Array> | null, maximum: number): Promise<Uint8Array> {
  return readStream(body, maximum, 'the body', { code: 'payload-too-large' }).catch(refuseBroken);
}

/** Blames the client: one that goes away while it sends is not the server's fault. */
function refuseBroken(cause: unknown): never {
  if (isGlasskeyError(cause)) throw cause;
  throw new GlasskeyError('invalid-request', 'the body did not arrive whole', { cause });
}

/** Reads a JSON body as {@link readBody} does. Throws `invalid-request` if it is not JSON in UTF-8. */
export async function readJson(c: Context, mediaType: string, maximum: number): Promise<unknown> {
  const bytes = await readBody(c, mediaType, maximum);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new GlasskeyError('invalid-request', 'the body is not JSON', { cause: error });
  }
}

/** Returns a request's bearer token; undefined if there is no Authorization header. Throws `unauthenticated`. */
export function bearerToken(c: Context): string | undefined {
  const header = c.req.header('authorization');
  if (header === undefined) return undefined;
  const [, token] = /^Bearer ([A-Za-z0-9._~+/=-]{1,512})$/i.exec(header) ?? [];
  ensure(token !== undefined, 'unauthenticated', 'the Authorization header is not a bearer token');
  return token;
}
