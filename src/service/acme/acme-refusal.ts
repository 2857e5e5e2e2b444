import type { ErrorCode } from '../../core/error-codes.ts';
import { GlasskeyError } from '../../core/errors.ts';

/**
 * Error types of ACME (RFC 8555 §6.7, draft-ietf-acme-device-attest-09), without their prefix
 * `urn:ietf:params:acme:error:`.
 */
export type AcmeErrorType =
  | 'accountDoesNotExist'
  | 'alreadyRevoked'
  | 'badAttestationStatement'
  | 'badCSR'
  | 'badNonce'
  | 'badPublicKey'
  | 'badRevocationReason'
  | 'badSignatureAlgorithm'
  | 'externalAccountRequired'
  | 'malformed'
  | 'orderNotReady'
  | 'rateLimited'
  | 'rejectedIdentifier'
  | 'serverInternal'
  | 'unauthorized'
  | 'unsupportedIdentifier';

/** The problem of one identifier of an order (RFC 8555 §6.7.1). */
export interface IdentifierProblem {
  readonly type: AcmeErrorType;
  readonly detail: string;
  readonly identifier: { readonly type: string; readonly value: string };
}

/** An ACME request that is refused for a reason that has an error type of its own. */
export class AcmeRefusal extends GlasskeyError {
  readonly type: AcmeErrorType;
  readonly subproblems: readonly IdentifierProblem[];

  constructor(
    type: AcmeErrorType,
    message: string,
    code: ErrorCode = CODES[type],
    subproblems: readonly IdentifierProblem[] = [],
  ) {
    super(code, message);
    this.type = type;
    this.subproblems = subproblems;
  }
}

/** Throws an {@link AcmeRefusal} of this type unless `condition` holds. */
export function ensureAcme(condition: boolean, type: AcmeErrorType, message: string): asserts condition {
  if (!condition) throw new AcmeRefusal(type, message);
}

/** The code for each type. RFC 8555 names the HTTP status of few types: each has that of its code. */
const CODES: Readonly<Record<AcmeErrorType, ErrorCode>> = {
  accountDoesNotExist: 'invalid-request',
  alreadyRevoked: 'invalid-request',
  badAttestationStatement: 'attestation-refused',
  badCSR: 'bad-csr',
  badNonce: 'invalid-request',
  badPublicKey: 'weak-key',
  badRevocationReason: 'invalid-request',
  badSignatureAlgorithm: 'invalid-request',
  externalAccountRequired: 'forbidden',
  malformed: 'invalid-request',
  orderNotReady: 'forbidden',
  rateLimited: 'rate-limited',
  rejectedIdentifier: 'forbidden',
  serverInternal: 'internal',
  unauthorized: 'forbidden',
  unsupportedIdentifier: 'invalid-request',
};

const TYPES: Partial<Record<ErrorCode, AcmeErrorType>> = {
  'attestation-refused': 'badAttestationStatement',
  'bad-csr': 'badCSR',
  'bad-proof-of-possession': 'badCSR',
  'csr-identity-mismatch': 'badCSR',
  'weak-key': 'badPublicKey',
  'invalid-identity': 'rejectedIdentifier',
  'change-required': 'rejectedIdentifier',
  'recovery-pending': 'rejectedIdentifier',
  denied: 'rejectedIdentifier',
  erased: 'rejectedIdentifier',
  'change-rejected': 'rejectedIdentifier',
  forbidden: 'unauthorized',
  unauthenticated: 'unauthorized',
  'token-refused': 'unauthorized',
  'rate-limited': 'rateLimited',
};

/** Returns the ACME error type of one of Glasskey's codes; `status` is that of its HTTP answer. */
export function acmeTypeOf(code: ErrorCode, status: number): AcmeErrorType {
  return TYPES[code] ?? (status >= 500 ? 'serverInternal' : 'malformed');
}
