import type { ErrorCode } from '../core/error-codes.ts';
import { isGlasskeyError } from '../core/errors.ts';

/** A failure in the HTTP API: RFC 9457 problem details, with our stable code. */
export interface Problem {
  /** Always `about:blank`, because `code` already says more. */
  readonly type: 'about:blank';
  /** The status's own phrase (RFC 9457 §4.2.1). */
  readonly title: string;
  readonly status: number;
  /** The error in this request, for people. Absent if the fault is the server's. */
  readonly detail?: string;
  readonly code: ErrorCode;
}

/** HTTP status of every error code. A code without a status does not compile. */
export const STATUS_OF_CODE = {
  'malformed-encoding': 400,
  'value-out-of-range': 400,

  // A bad proof or signature inside the server is the server's fault. One from a client has a code of its own.
  'bad-key': 500,
  'bad-signature': 500,
  'bad-vrf-proof': 500,
  'bad-log-proof': 500,
  'bad-prefix-proof': 500,
  'bad-ladder': 500,
  'bad-commitment': 500,
  'bad-tree-head': 500,
  'bad-timestamp': 500,
  'tree-head-too-old': 503,
  'tree-head-too-new': 503,
  'tree-rolled-back': 500,
  'view-mismatch': 500,
  'proof-exhausted': 500,
  'proof-left-over': 500,
  'version-mismatch': 500,
  'version-rolled-back': 500,
  'unexpected-version': 500,
  'version-expired': 410,
  'unknown-head': 500,
  'credential-expired': 500,
  'unsupported-suite': 500,
  'prefix-key-exists': 409,
  'bad-auditor-update': 500,
  'bad-audit-entry': 500,
  'bad-checkpoint': 500,
  'bad-log-end': 500,
  'bad-note': 500,
  'bad-tlog-proof': 500,
  'bad-policy': 400,
  'log-forked': 500,
  'continued-after-end': 500,
  'not-witnessed': 500,

  'invalid-identity': 400,
  'bad-record': 500,
  'bad-chain': 409,
  'bad-change-signature': 409,

  'bad-csr': 400,
  'bad-proof-of-possession': 400,
  'weak-key': 400,
  'csr-identity-mismatch': 400,
  'bad-certificate': 500,
  'certificate-revoked': 500,
  'certificate-expired': 500,
  'certificate-not-in-record': 500,
  'untrusted-issuer': 500,
  'bad-key-file': 500,
  'hsm-refused': 500,
  'hsm-unavailable': 503,
  'lint-failed': 500,

  'bad-bundle': 500,
  'bundle-changed': 500,
  'fingerprint-mismatch': 500,
  'log-replaced': 500,
  'log-reset': 500,
  'other-log': 500,
  'unsupported-log': 500,

  'invalid-request': 400,
  'unsupported-media-type': 415,
  'payload-too-large': 413,
  'not-found': 404,
  'method-not-allowed': 405,
  unauthenticated: 401,
  forbidden: 403,
  'token-refused': 401,
  'code-refused': 401,
  'attestation-refused': 403,
  denied: 403,
  'issuer-unavailable': 503,
  'webhook-unavailable': 503,
  'mail-unavailable': 503,
  'change-required': 409,
  'recovery-pending': 409,
  'change-rejected': 409,
  'other-key': 409,
  'version-conflict': 409,
  'no-such-certificate': 404,
  'identity-not-found': 404,
  erased: 410,
  'search-not-found': 404,
  'unsupported-operation': 400,
  'rate-limited': 429,
  'too-far-behind': 503,
  'not-audited': 503,
  overloaded: 503,
  'timed-out': 503,
  'shutting-down': 503,
  'clock-skew': 503,
  'log-rolled-back': 503,
  'release-stalled': 503,
  'log-ended': 410,

  'not-visible-yet': 503,
  'storage-failed': 503,
  'storage-corrupt': 500,
  'storage-locked': 503,
  'storage-unsafe': 503,
  'unsealed-row': 500,
  'rows-changed': 409,
  'head-moved': 503,
  'trail-moved': 503,
  'trail-broken': 500,
  'published-differs': 500,

  'network-failed': 502,
  'bad-response': 502,
  'copy-damaged': 502,
  'request-refused': 400,
  'state-locked': 500,
  'state-corrupt': 500,
  'state-knows-more': 409,
  'state-too-new': 500,
  'bad-evidence': 400,
  'not-proven': 400,
  'keys-changed': 409,
  'no-companion-key': 404,
  'bad-message': 400,
  'not-for-this-key': 404,
  'platform-unsupported': 400,
  'wrong-passphrase': 400,
  'call-mismatch': 500,
  'bad-frame': 500,
  'unknown-frame-key': 500,
  usage: 400,

  internal: 500,
} as const satisfies Record<ErrorCode, number>;

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

/** Seconds for Retry-After if the status is 503 or 429 and no better value is known. */
export const RETRY_AFTER_SECONDS = 1;

/**
 * Returns the problem that a client sees for `error`. If the fault is the server's, the message goes to its log only,
 * and the problem has no detail. A foreign error becomes `internal`.
 */
export function problemOf(error: unknown): Problem {
  if (!isGlasskeyError(error)) return problem('internal');
  return STATUS_OF_CODE[error.code] >= 500 ? problem(error.code) : problem(error.code, error.message);
}

/** Returns the problem for a code. */
export function problem(code: ErrorCode, detail?: string): Problem {
  const status: number = STATUS_OF_CODE[code];
  const title = TITLES[status] ?? 'Error';
  return { type: 'about:blank', title, status, ...(detail === undefined ? {} : { detail }), code };
}
