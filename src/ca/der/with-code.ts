import type { ErrorCode } from '../../core/error-codes.ts';
import { GlasskeyError } from '../../core/errors.ts';

/**
 * Runs `read`, and turns its `malformed-encoding` or `bad-key` into an error with `code`, so that the caller sees which
 * object was bad. Other codes pass, because they say more.
 */
export function withCode<T>(code: ErrorCode, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof GlasskeyError)) throw error;
    if (error.code !== 'malformed-encoding' && error.code !== 'bad-key') throw error;
    throw new GlasskeyError(code, `${what}: ${error.message}`, { cause: error });
  }
}
