import type { Context, Hono } from 'hono';
import { getPath } from 'hono/utils/url';
import { MAX_OCSP_PATH_CHARACTERS, MAX_OCSP_REQUEST_BYTES } from '../contract/input-sizes.ts';
import { OCSP_REQUEST_MEDIA_TYPE, OCSP_RESPONSE_MEDIA_TYPE } from '../contract/media-types.ts';
import { PATHS } from '../contract/paths.ts';
import { ensure, isGlasskeyError } from '../core/errors.ts';
import type { LogService } from '../service/log-service.ts';
import { type OcspAnswer, TRY_LATER } from '../service/revocation/ocsp-service.ts';
import { readBody } from './read-body.ts';
import type { ReadTurns } from './read-turns.ts';
import { NO_STORE, createResponse } from './responses.ts';

/** Lifetime of an answer in a cache, s: shorter than the answer is valid, so that a revocation gets through. */
const MAX_AGE_SECONDS = 60;
const GET_PREFIX = `${PATHS.ocsp}/`;

/** Proxies that cut a prefix off leave `//ca/ocsp`. Other paths stay as they are: a proxy may refuse some. */
const DOUBLED_SLASHES = new RegExp(`^/+(?=${PATHS.ocsp}(?:/|$))`);

/** Returns the path by which a request is routed. */
export function routedPath(request: Request): string {
  return getPath(request).replace(DOUBLED_SLASHES, '');
}

/**
 * Serves OCSP (RFC 6960 appendix A, RFC 5019 §5): POST, and GET with the request in base64 in the path. Failures are
 * OCSP responses with status 200, except for a request that HTTP refuses: `payload-too-large`,
 * `unsupported-media-type`.
 */
export function ocspRoutes(app: Hono, { ocsp, context }: LogService, turns: ReadTurns): void {
  const { now } = context;
  const inTurn = (c: Context, answer: () => Promise<OcspAnswer>): Promise<OcspAnswer> =>
    turns.run('ocsp', c, answer).catch((error: unknown) => {
      if (isGlasskeyError(error, 'overloaded')) return TRY_LATER;
      throw error;
    });
  app.post(PATHS.ocsp, async (c) => {
    const request = await readBody(c, OCSP_REQUEST_MEDIA_TYPE, MAX_OCSP_REQUEST_BYTES);
    return respondOcsp(await inTurn(c, () => ocsp.answer(request)), now());
  });
  app.get(`${GET_PREFIX}*`, async (c) => {
    const { url } = c.req;
    const path = url.slice(url.indexOf(GET_PREFIX) + GET_PREFIX.length);
    ensure(path.length <= MAX_OCSP_PATH_CHARACTERS, 'payload-too-large', 'the OCSP request is too long for a GET');
    return respondOcsp(await inTurn(c, () => ocsp.answerPath(path)), now());
  });
}

/** Responds with the headers of RFC 5019 §6.2. */
function respondOcsp({ der, kept }: OcspAnswer, nowMs: number): Response {
  if (kept === undefined) return createResponse(der, OCSP_RESPONSE_MEDIA_TYPE, NO_STORE);
  const leftSeconds = Math.max(0, Math.floor((kept.nextUpdateMs - nowMs) / 1000));
  const maxAge = Math.min(MAX_AGE_SECONDS, leftSeconds);
  const headers = {
    etag: `"${kept.digest}"`,
    'last-modified': new Date(kept.thisUpdateMs).toUTCString(),
    expires: new Date(nowMs + maxAge * 1000).toUTCString(),
  };
  const cache = `max-age=${maxAge}, public, no-transform, must-revalidate`;
  return createResponse(der, OCSP_RESPONSE_MEDIA_TYPE, cache, { headers });
}
