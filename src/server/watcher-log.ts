import type { WatchEvent } from '../watch/watch-event.ts';
import { Outages, wayOf } from './outages.ts';
import { describeError, type Logger } from './service-logger.ts';

/**
 * Logs the events of a watcher. No line names a watched name or an address. An outage has one line when it begins and
 * one when it ends; each round in which the log failed verification has a line of its own.
 */
export class WatcherLog {
  readonly #logger: Logger;
  readonly #outages: Outages;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.#outages = new Outages(logger);
  }

  /** Takes an event. */
  observe(event: WatchEvent): void {
    switch (event.type) {
      case 'verified':
        return this.#outages.works('audit');
      case 'added':
        return this.#logger.info({ names: event.count }, 'watched names got new versions');
      case 'mandate':
        return this.#logger.info({ change: event.change }, 'mandate');
      case 'alarm':
        return this.#logger.fatal({ code: event.code }, 'the log misbehaved: told every owner');
      case 'ended':
        return this.#logger.warn('the log has ended: told every owner');
      case 'blind':
        return event.isBlind
          ? this.#logger.fatal('could not verify the log for too long: told every owner')
          : this.#logger.info('the log verifies again: told every owner');
      case 'failed':
        return this.#failed(event);
      case 'progress':
      case 'told':
      case 'delivery':
        return undefined;
    }
  }

  #failed({ work, error, isMisbehaviour }: Extract<WatchEvent, { type: 'failed' }>): void {
    // The message of a look names who is watched.
    const facts = work === 'look' ? { code: wayOf(error) } : describeError(error);
    if (isMisbehaviour) return this.#logger.error(facts, 'the log failed verification');
    const text = { audit: 'an audit failed', look: 'could not look a name up', peer: 'could not ask a peer' }[work];
    this.#outages.failed({ what: work, how: wayOf(error), level: 'warn', facts, text: `${text}; trying again` });
  }
}
