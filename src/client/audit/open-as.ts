import type { ErrorCode } from '../../core/error-codes.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';

/** Decodes something of the log's: what is malformed is the log's misbehaviour, under the code of what it should be. */
export function openAs<T>(code: ErrorCode, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isGlasskeyError(cause, 'malformed-encoding')) throw cause;
    throw new GlasskeyError(code, cause.message, { cause });
  }
}
