import { type BaseLogger, pino } from 'pino';
import { isGlasskeyError } from '../core/errors.ts';
import type { ServiceEvent } from '../service/service-event.ts';

/** The sink of log lines, such as a pino logger. No line identifies a client or quotes a request. */
export type Logger = Pick<BaseLogger, 'info' | 'warn' | 'error' | 'fatal'>;

/** Returns a logger that writes JSON lines to stderr. */
export function stderrLogger(): Logger {
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }));
}

/** Level and text of the log line for each event with an error. */
const FAILURES = {
  'sequencing-failed': ['error', 'appending failed; trying again'],
  'auditor-failed': ['error', 'could not fetch a tree head from the auditor; trying again'],
  'recovery-failed': ['error', 'could not complete a recovery or notify its owner; trying again'],
  'pruning-failed': ['error', 'pruning failed; trying again'],
  'self-check-failed': ['fatal', 'the stored log contradicts itself: signing has stopped'],
  'rolled-back': ['fatal', 'the database is old or forked: signing has stopped'],
  'self-verified': ['fatal', "the server's own verifier refused an answer"],
} as const;

/** Logs an event that an operator must know of. Most events are for metrics alone. */
export function logEvent(logger: Logger, event: ServiceEvent): void {
  if ('error' in event && event.error !== undefined) {
    const [level, text] = FAILURES[event.type];
    logger[level]({ error: describeError(event.error) }, text);
  }
  if (event.type === 'mail-failed') logger.error({ reason: event.reason }, 'could not send a mail');
  if (event.type === 'writer')
    logger.info({ holds: event.holds }, event.holds ? 'now the writer of the log' : 'not the writer any more');
  if (event.type === 'witness' && event.outcome !== 'cosigned' && event.outcome !== 'resting') {
    const { witness, outcome, detail } = event;
    logger.warn({ witness, outcome, detail }, 'a witness did not cosign');
  }
}

/** Logs a failed request if the fault is the server's. Clients learn of their mistakes from the answer. */
export function logRequestError(
  logger: Logger,
  error: unknown,
  where: Record<'method' | 'route' | 'request', string>,
): void {
  const isOurs = !isGlasskeyError(error) || ['storage', 'internal'].includes(error.fault);
  if (isOurs) logger.error({ ...where, error: describeError(error) }, 'a request failed');
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
