import { CLOCK_CODES } from '../client/binding/alerts.ts';
import { ServerRefusal } from '../client/transport.ts';
import { GivenFault, isGlasskeyError } from '../core/errors.ts';
import { oneLine } from './output/print.ts';

/** The exit codes of every command (`docs/program.md`). */
export const EXIT = { fine: 0, refused: 1, misbehaviour: 2, absent: 3 } as const;

/** Reports that the certificate to verify has expired, which is its holder's problem, not the clock's. */
export class CertificateIsOver extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.name = 'CertificateIsOver';
  }
}

/**
 * Returns the exit code for a client's failure: 2 if something does not verify, else 1, as for clocks that disagree.
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CertificateIsOver) return EXIT.misbehaviour;
  if (!isGlasskeyError(error) || error instanceof ServerRefusal || CLOCK_CODES.has(error.code)) return EXIT.refused;
  return error.fault === 'verification' || error.fault === 'decode' ? EXIT.misbehaviour : EXIT.refused;
}

/** Returns true for an error that is worth evidence: what a server or a log showed does not verify. */
export function isLie(error: unknown): boolean {
  const isOfUser = error instanceof CertificateIsOver || error instanceof GivenFault;
  return exitCodeOf(error) === EXIT.misbehaviour && !isOfUser;
}

/** Returns the stable code of any error; a failing file system is always `storage-failed`. */
export function codeOf(error: unknown): string {
  if (error instanceof CertificateIsOver) return codeOf(error.cause);
  if (isGlasskeyError(error)) return error.code;
  return error instanceof Error && 'syscall' in error ? 'storage-failed' : 'internal';
}

/** Returns a failure in words. A refusal is in the server's words, which prove nothing: they are said to be its own. */
export function wordsOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof ServerRefusal ? `the server says: ${message}` : message;
}

/** Prints a failure as one line on stderr. */
export function reportFailure(error: unknown): void {
  process.stderr.write(`glasskey: ${oneLine(wordsOf(error))} (${codeOf(error)})\n`);
  if (process.env['GLASSKEY_DEBUG'] !== undefined) console.error(error);
}
