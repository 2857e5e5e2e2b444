import { GlasskeyError } from './errors.ts';

/** Throws `invalid-request` if whoever asked has gone: what is left to do would be for nobody. */
export function assertWanted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw goneError();
}

/** The error of a request whose asker has gone. Nobody reads it. */
export function goneError(): GlasskeyError {
  return new GlasskeyError('invalid-request', 'the client has gone before it had its answer');
}
