import { isGlasskeyError } from '../core/errors.ts';
import type { AuditorEvent } from '../service/auditor/auditor-event.ts';
import { Outages, wayOf } from './outages.ts';
import type { Logger } from './service-logger.ts';

/**
 * Logs the events of an auditor. An outage, whether of audits or of deliveries, has one line when it begins and one
 * when it ends; each round in which the log failed verification has a line of its own.
 */
export class AuditorLog {
  readonly #logger: Logger;
  readonly #outages: Outages;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.#outages = new Outages(logger);
  }

  /** Takes an event. */
  observe(event: AuditorEvent): void {
    if (event.type === 'signed') this.#logger.info({ size: event.size }, 'signed');
    if (event.type === 'halted') this.#logger.fatal('the log misbehaved: this auditor has stopped signing');
    if (event.type === 'verified') this.#outages.works('audit');
    if (event.type === 'delivered') this.#outages.works('delivery');
    if (event.type !== 'failed') return;
    const { error, isMisbehaviour, work } = event;
    const code = isGlasskeyError(error) ? error.code : undefined;
    const facts = { code, error: error instanceof Error ? error.message : String(error) };
    if (isMisbehaviour) return this.#logger.error(facts, 'the log failed verification');
    const text = work === 'audit' ? 'an audit failed; trying again' : 'could not deliver a head; trying again';
    this.#outages.failed({ what: work, how: wayOf(error), level: 'error', facts, text });
  }
}
