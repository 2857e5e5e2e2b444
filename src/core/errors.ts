import { ERROR_CODES, type ErrorCode, type Fault } from './error-codes.ts';

/** Extra facts for a person or a log line. Never secrets, never personal data by default. */
export interface GlasskeyErrorOptions {
  /** The error that caused this one. */
  readonly cause?: unknown;
  /** The number of seconds after which a retry makes sense, if known. */
  readonly retryAfterSeconds?: number;
}

/**
 * The only error class of Glasskey. Programs test `code`, which is stable. `message` is for people and may change.
 * `fault` says whose fault the error is and follows from the code.
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

  /** The form for `JSON.stringify`: without the cause and the stack. */
  toJSON(): { readonly code: ErrorCode; readonly fault: Fault; readonly message: string } {
    return { code: this.code, fault: this.fault, message: this.message };
  }
}

/** A fault in what its author has signed: whoever delivered it, no copy can have made it up. */
export class SignedFault extends GlasskeyError {}

/** A fault in what the caller gave to be verified: no server showed it. */
export class GivenFault extends GlasskeyError {}

/** Returns true if `error` is a {@link GlasskeyError}, optionally one with the given code. */
export function isGlasskeyError(error: unknown, code?: ErrorCode): error is GlasskeyError {
  return error instanceof GlasskeyError && (code === undefined || error.code === code);
}

/** Creates the error for bytes from outside that are not a canonical encoding. */
export function decodeError(message: string, cause?: unknown): GlasskeyError {
  return new GlasskeyError('malformed-encoding', message, { cause });
}

/** Throws a {@link GlasskeyError} with `code` unless `condition` holds. */
export function ensure(condition: boolean, code: ErrorCode, message: string): asserts condition {
  if (!condition) throw new GlasskeyError(code, message);
}
