import { PROBLEM_MEDIA_TYPE } from '../contract/media-types.ts';
import { isGlasskeyError } from '../core/errors.ts';
import { problemOf, RETRY_AFTER_SECONDS } from '../contract/problem.ts';

/** `Cache-Control` of resources that never change. */
export const IMMUTABLE = 'public, max-age=31536000, immutable';
/** `Cache-Control` of answers for one client at one moment. */
export const NO_STORE = 'no-store';

const COMMON = { 'x-content-type-options': 'nosniff' } as const;
/** Lets pages of any origin read an answer and these of its headers (Fetch Standard, "CORS protocol"). */
const OPEN = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Retry-After,WWW-Authenticate,X-Request-Id',
} as const;

/** Creates a response with status 200 or that of `init`. `forOperators` keeps it from pages of other origins. */
export function createResponse(
  body: string | Uint8Array | null,
  contentType: string,
  cacheControl: string,
  init: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly forOperators?: boolean;
  } = {},
): Response {
  const open = init.forOperators === true ? {} : OPEN;
  // Not a copy: many clients at once may be sent one CRL. Nothing here is backed by shared memory.
  return new Response(body as string | Uint8Array<ArrayBuffer> | null, {
    status: init.status ?? 200,
    headers: { ...COMMON, ...open, 'content-type': contentType, 'cache-control': cacheControl, ...init.headers },
  });
}

/** Returns true if an `If-None-Match` header names this tag, by weak comparison (RFC 9110 §8.8.3.2, §13.1.2). */
export function holdsTag(ifNoneMatch: string | undefined, etag: string): boolean {
  const strong = (tag: string): string => tag.trim().replace(/^W\//, '');
  return ifNoneMatch?.split(',').some((one) => strong(one) === strong(etag)) ?? false;
}

/** Creates the problem details of an error (RFC 9457). They do not describe the server's own faults. */
export function respondProblem(error: unknown, requestId?: string): Response {
  const problem = problemOf(error);
  const headers: Record<string, string> = {};
  const known = isGlasskeyError(error) ? error.retryAfterSeconds : undefined;
  const isTemporary = problem.status === 503 || problem.status === 429;
  if (isTemporary) headers['retry-after'] = String(known ?? RETRY_AFTER_SECONDS);
  if (requestId !== undefined) headers['x-request-id'] = requestId;
  if (problem.status === 401) headers['www-authenticate'] = 'Bearer realm="glasskey"';
  return createResponse(JSON.stringify(problem), PROBLEM_MEDIA_TYPE, NO_STORE, { status: problem.status, headers });
}
