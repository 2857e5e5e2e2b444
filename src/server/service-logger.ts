import { type BaseLogger, pino } from 'pino';
import { isGlasskeyError } from '../core/errors.ts';

/** The sink of log lines, such as a pino logger. No line identifies a client or quotes a request. */
export type Logger = Pick<BaseLogger, 'info' | 'warn' | 'error' | 'fatal'>;

/** Returns a logger that writes JSON lines to stderr, with levels by name. */
export function stderrLogger(): Logger {
  const formatters = { level: (level: string) => ({ level }) };
  const options = { base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters };
  return pino(options, pino.destination({ dest: 2, sync: true }));
}

/** Returns code, message and cause of an error, for a log line. */
export function describeError(error: unknown): {
  readonly code: string | undefined;
  readonly message: string;
  readonly cause: string | undefined;
} {
  const code = isGlasskeyError(error) ? error.code : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined;
  return { code, message, cause };
}
