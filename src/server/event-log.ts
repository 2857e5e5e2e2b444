import { isGlasskeyError } from '../core/errors.ts';
import type { ServiceEvent } from '../service/service-event.ts';
import { Outages, type Trouble, wayOf } from './outages.ts';
import { describeError, type Logger } from './service-logger.ts';

/** Level and text of the log line for each event with an error that is no outage. */
const FAILURES = {
  'self-check-failed': ['fatal', 'the stored log contradicts itself: signing has stopped'],
  'rolled-back': ['fatal', 'the database is old or forked: signing has stopped'],
  'self-verified': ['fatal', "the server's own verifier refused an answer"],
} as const;

/**
 * Logs the events of a service that an operator must know of. Most events are for metrics alone. An outage has a line
 * when it begins, one for each further way of failing, and one when it ends: requests during it have none.
 */
export class EventLog {
  readonly #logger: Logger;
  readonly #outages: Outages;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.#outages = new Outages(logger);
  }

  /** Takes an event. */
  readonly observe = (event: ServiceEvent): void => {
    const trouble = troubleOf(event);
    if (trouble !== undefined) return this.#outages.failed(trouble);
    const works = workingIn(event);
    if (works !== undefined) return this.#outages.works(works);
    if (event.type === 'writer')
      this.#logger.info({ holds: event.holds }, event.holds ? 'now the writer of the log' : 'not the writer any more');
    if (!isFailure(event) || event.error === undefined) return;
    const [level, text] = FAILURES[event.type];
    this.#logger[level]({ error: describeError(event.error) }, text);
  };
}

function isFailure(event: ServiceEvent): event is Extract<ServiceEvent, { readonly type: keyof typeof FAILURES }> {
  return event.type in FAILURES;
}

/** Returns the failure in an event, if it is one that may last. */
function troubleOf(event: ServiceEvent): Trouble | undefined {
  if (event.type === 'witness') {
    const { witness, outcome, detail } = event;
    if (outcome === 'cosigned' || outcome === 'resting') return undefined;
    const facts = { witness, outcome, detail };
    return { what: `witness ${witness}`, how: outcome, level: 'warn', facts, text: 'a witness did not cosign' };
  }
  if (event.type === 'mail-failed') {
    const { reason } = event;
    return { what: 'mail server', how: reason, level: 'error', facts: { reason }, text: 'could not send a mail' };
  }
  if (event.type === 'unsealed-row') {
    const { table } = event;
    const text = 'a row has no valid seal and authorises nothing: see `glasskey admin seal-rows`';
    return { what: 'sealed rows', how: table, level: 'error', facts: { table }, text };
  }
  if (event.type === 'asked' && event.error !== undefined) {
    const facts = { server: event.server, error: plainly(event.error) };
    return troubleWith(event.server, event.error, facts, 'another server gave no usable answer');
  }
  if (event.type === 'auditor-failed')
    return failing('auditor', event.error, 'could not fetch a tree head from the auditor; trying again');
  if (event.type === 'sequencing-failed') return failing('appending', event.error, 'appending failed; trying again');
  if (event.type === 'recovery-failed')
    return failing('recoveries', event.error, 'could not complete a recovery or notify its owner; trying again');
  if (event.type === 'notify-failed')
    return failing('notices', event.error, 'could not look after the notices of a name; trying again');
  if (event.type === 'pruning-failed') return failing('pruning', event.error, 'pruning failed; trying again');
  return undefined;
}

function failing(what: string, error: unknown, text: string): Trouble {
  return troubleWith(what, error, { error: describeError(error) }, text);
}

function troubleWith(what: string, error: unknown, facts: Trouble['facts'], text: string): Trouble {
  return { what, how: wayOf(error), level: 'error', facts, text };
}

/** Describes an error without what another server said, which may name a person. */
function plainly(error: unknown): string {
  return isGlasskeyError(error) ? error.message : 'an answer that cannot be read';
}

/** Returns the thing that an event shows to work. */
function workingIn(event: ServiceEvent): string | undefined {
  if (event.type === 'witness' && event.outcome === 'cosigned') return `witness ${event.witness}`;
  if (event.type === 'asked') return event.server;
  if (event.type === 'appended') return 'appending';
  if (event.type === 'pruned') return 'pruning';
  if (event.type === 'recoveries-tended') return 'recoveries';
  return undefined;
}
