import { type ErrorCode, ERROR_CODES } from '../core/error-codes.ts';
import { isGlasskeyError } from '../core/errors.ts';
import { adviceOf, codeAnchor } from '../contract/error-advice.ts';
import { PROBLEM_MEDIA_TYPE } from '../contract/media-types.ts';
import { PATHS } from '../contract/paths.ts';
import { problem, problemOf, RETRY_AFTER_SECONDS } from '../contract/problem.ts';
import { AcmeRefusal, acmeTypeOf } from '../service/acme/acme-refusal.ts';
import { ACME_ALGORITHMS } from '../service/acme/public-jwk.ts';
import { createResponse, NO_STORE } from './responses.ts';

const TYPE_PREFIX = 'urn:ietf:params:acme:error:';

/** An error document of ACME (RFC 8555 §6.7): problem details with a type of ACME and our code. */
interface AcmeProblem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  /** Where it says what to do next. */
  readonly help: string;
  readonly [extension: string]: unknown;
}

/** Creates the error document of a failure, without the server's own faults. `base` is the server's URL. */
export function respondAcmeProblem(error: unknown, requestId: string, base: string): Response {
  const known = problemOf(error);
  // An ACME client has no credentials to send again, which 401 would ask for.
  const status = known.status === 401 ? 403 : known.status;
  const title = status === known.status ? known.title : problem('forbidden').title;
  const { code } = known;
  const own = error instanceof AcmeRefusal ? error : undefined;
  const type = TYPE_PREFIX + (own?.type ?? acmeTypeOf(code, status));
  const help = helpOf(code, base);
  // Clients show people the detail alone.
  const detail = own === undefined ? `${known.detail ?? adviceOf(code).means} Next: ${help}` : own.message;
  const more = {
    ...(own?.type === 'badSignatureAlgorithm' && { algorithms: ACME_ALGORITHMS }),
    ...(own !== undefined && own.subproblems.length > 0 && { subproblems: own.subproblems.map(named) }),
  };
  const body: AcmeProblem = { type, title, status, detail, code, help, ...more };
  const headers: Record<string, string> = { 'x-request-id': requestId, link: `<${help}>;rel="help"` };
  const after = isGlasskeyError(error) ? error.retryAfterSeconds : undefined;
  if (status === 503 || status === 429) headers['retry-after'] = String(after ?? RETRY_AFTER_SECONDS);
  return createResponse(JSON.stringify(body), PROBLEM_MEDIA_TYPE, NO_STORE, { status, headers });
}

/** Returns the problem of an order that the pipeline refused; undefined for an order without one. */
export function orderProblem(errorCode: string | undefined, base: string): Omit<AcmeProblem, 'title'> | undefined {
  if (errorCode === undefined) return undefined;
  const code = isErrorCode(errorCode) ? errorCode : 'internal';
  const { status } = problem(code);
  const { means, next } = adviceOf(code);
  return {
    type: TYPE_PREFIX + acmeTypeOf(code, status),
    status,
    detail: `${means} ${next}`,
    code,
    help: helpOf(code, base),
  };
}

function named<T extends { readonly type: string }>(subproblem: T): T {
  return { ...subproblem, type: TYPE_PREFIX + subproblem.type };
}

function helpOf(code: ErrorCode, base: string): string {
  return `${base}${PATHS.docs}#${codeAnchor(code)}`;
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
