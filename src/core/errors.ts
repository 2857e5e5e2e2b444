import { ERROR_CODES, type ErrorCode, type Fault } from './error-codes.ts';

/** Extra facts for a person or a log line. Never secrets, never personal data by default. */
export interface GlasskeyErrorOptions {
  /** What went wrong below this error. */
  readonly cause?: unknown;
  /** After how many seconds the same may be tried again, where that is known. */
  readonly retryAfterSeconds?: number;
}

/**
 * The one error class of Glasskey. `code` is stable and is what programs test; `message` is for people and may change;
 * `fault` says whose fault it is and follows from the code.
 */
export class GlasskeyError extends Error {
  readonly code: ErrorCode;
  /** See {@link GlasskeyErrorOptions}. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options?: GlasskeyErrorOptions) {
    super(message, options);
    this.name = 'GlasskeyError';
    this.code = code;
    this.retryAfterSeconds = options?.retryAfterSeconds;
  }

  /** Whose fault the error is: see {@link Fault}. */
  get fault(): Fault {
    return ERROR_CODES[this.code];
  }
}

/** Tells whether `error` is a {@link GlasskeyError}, optionally one with the given code. */
export function isGlasskeyError(error: unknown, code?: ErrorCode): error is GlasskeyError {
  return error instanceof GlasskeyError && (code === undefined || error.code === code);
}

/** Bytes from outside that are not a canonical encoding of what they should be. */
export function decodeError(message: string, cause?: unknown): GlasskeyError {
  return new GlasskeyError('malformed-encoding', message, { cause });
}

/** Throws a {@link GlasskeyError} with `code` unless `condition` holds. */
export function ensure(condition: boolean, code: ErrorCode, message: string): asserts condition {
  if (!condition) throw new GlasskeyError(code, message);
}
