import { isGlasskeyError } from '../core/errors.ts';
import type { ServiceEvent } from '../service/service-event.ts';
import { describeError, type Logger } from './service-logger.ts';

/** Level and text of the log line for each event with an error that is no outage. */
const FAILURES = {
  'recovery-failed': ['error', 'could not complete a recovery or notify its owner; trying again'],
  'self-check-failed': ['fatal', 'the stored log contradicts itself: signing has stopped'],
  'rolled-back': ['fatal', 'the database is old or forked: signing has stopped'],
  'self-verified': ['fatal', "the server's own verifier refused an answer"],
} as const;

/** A failure that may last: `what` fails in the way `how`, each counted apart. */
interface Trouble {
  readonly what: string;
  readonly how: string;
  readonly level: 'warn' | 'error';
  readonly facts: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/**
 * Logs the events of a service that an operator must know of. Most events are for metrics alone. An outage has a line
 * when it begins, one for each further way of failing, and one when it ends: requests during it have none.
 */
export class EventLog {
  readonly #logger: Logger;
  /** Failures by way, of each thing that is out of order. Things and ways are few. */
  readonly #outages = new Map<string, Map<string, number>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Takes an event. */
  readonly observe = (event: ServiceEvent): void => {
    const trouble = troubleOf(event);
    if (trouble !== undefined) return this.#failed(trouble);
    const works = workingIn(event);
    if (works !== undefined) return this.#recovered(works);
    if (event.type === 'writer')
      this.#logger.info({ holds: event.holds }, event.holds ? 'now the writer of the log' : 'not the writer any more');
    if (!isFailure(event) || event.error === undefined) return;
    const [level, text] = FAILURES[event.type];
    this.#logger[level]({ error: describeError(event.error) }, text);
  };

  #failed({ what, how, level, facts, text }: Trouble): void {
    const ways = this.#outages.get(what) ?? new Map<string, number>();
    this.#outages.set(what, ways);
    const failures = ways.get(how) ?? 0;
    ways.set(how, failures + 1);
    if (failures === 0) this.#logger[level](facts, text);
  }

  #recovered(what: string): void {
    const ways = this.#outages.get(what);
    if (ways === undefined) return;
    this.#outages.delete(what);
    const failures = [...ways.values()].reduce((sum, count) => sum + count, 0);
    this.#logger.info({ what, failures }, 'works again');
  }
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
  if (event.type === 'pruning-failed') return failing('pruning', event.error, 'pruning failed; trying again');
  return undefined;
}

function failing(what: string, error: unknown, text: string): Trouble {
  return troubleWith(what, error, { error: describeError(error) }, text);
}

function troubleWith(what: string, error: unknown, facts: Trouble['facts'], text: string): Trouble {
  return { what, how: isGlasskeyError(error) ? error.code : 'internal', level: 'error', facts, text };
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
  return undefined;
}
