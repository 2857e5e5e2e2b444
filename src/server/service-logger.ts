import { type BaseLogger, pino } from 'pino';
import { isGlasskeyError } from '../core/errors.ts';
import type { ServiceEvent } from '../service/service-event.ts';

/** Writes log lines: pino fits. No line says who a client is or what it sent. */
export type Logger = Pick<BaseLogger, 'info' | 'warn' | 'error' | 'fatal'>;

/** A logger that writes JSON lines to stderr. */
export function stderrLogger(): Logger {
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }));
}

/** Events that bring an error: how grave it is, and what the log line says. */
const FAILURES = {
  'sequencing-failed': ['error', 'appending failed; trying again'],
  'auditor-failed': ['error', 'could not fetch a tree head from the auditor; trying again'],
  'recovery-failed': ['error', 'could not complete a recovery or notify its owner; trying again'],
  'pruning-failed': ['error', 'pruning failed; trying again'],
  'self-check-failed': ['fatal', 'the stored log contradicts itself: nothing is signed any more'],
  'rolled-back': ['fatal', 'the database is old or forked: nothing is signed any more'],
  'self-verified': ['fatal', 'an own answer does not verify'],
} as const;

/** Logs what an operator must know of an event of the service; most events are for metrics alone. */
export function logEvent(logger: Logger, event: ServiceEvent): void {
  if ('error' in event && event.error !== undefined) {
    const [level, text] = FAILURES[event.type];
    logger[level]({ error: describeError(event.error) }, text);
  }
  if (event.type === 'mail-failed') logger.error({ reason: event.reason }, 'could not send a mail');
  if (event.type === 'writer') logger.info({ holds: event.holds }, 'writer of the log');
  if (event.type === 'witness' && event.outcome !== 'cosigned' && event.outcome !== 'resting') {
    const { witness, outcome, detail } = event;
    logger.warn({ witness, outcome, detail }, 'a witness did not cosign');
  }
}

/** Logs the server's own faults; a client's mistakes are its own business. */
export function logRequestError(
  logger: Logger,
  error: unknown,
  where: Record<'method' | 'route' | 'request', string>,
): void {
  const isOurs = !isGlasskeyError(error) || ['storage', 'internal'].includes(error.fault);
  if (isOurs) logger.error({ ...where, error: describeError(error) }, 'a request failed');
}

/** Code, message and cause of an error, for a log line. */
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
