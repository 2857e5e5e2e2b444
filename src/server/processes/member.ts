import process from 'node:process';
import { type AllStates, type OwnState, parseReadiness } from '../../http/own-state.ts';
import { BudgetExchange } from '../../service/budget-exchange.ts';
import {
  MEMBER_VARIABLE,
  type MemberMessage,
  type MemberPart,
  type ParentMessage,
  Questions,
  type StateName,
  TELL_WITHIN_MS,
} from './messages.ts';

/** Returns the part of this process; undefined unless a parent has started it as one of several. */
export function memberPart(): MemberPart | undefined {
  const text = process.env[MEMBER_VARIABLE];
  return text === undefined || process.send === undefined ? undefined : (JSON.parse(text) as MemberPart);
}

/** One of several processes that serve a log on one address. It talks to its parent, which passes on to the others. */
export class Member implements AllStates {
  readonly part: MemberPart;
  readonly budgets: BudgetExchange;
  readonly #questions = new Questions();
  readonly #asking = new Map<StateName, Promise<string | undefined>>();
  #own: OwnState | undefined;
  #reload: () => void = () => undefined;

  /** Begins to listen to the parent. `stop` is called if it asks for that, or is gone. */
  constructor(part: MemberPart, stop: () => void) {
    this.part = part;
    this.budgets = new BudgetExchange((spent) => send({ type: 'spent', spent }));
    process.on('message', (message) => this.#receive(message as ParentMessage, stop));
    process.on('disconnect', stop);
  }

  /** Answers the parent's questions from now on. */
  provide(own: OwnState): void {
    this.#own = own;
  }

  /** Reports to the parent that this process listens. `reload` is called when it asks for that. */
  serves(at: { readonly url: string; readonly fingerprint: string }, reload: () => void): void {
    this.#reload = reload;
    send({ type: 'ready', ...at });
  }

  /** Lets this process end. */
  leave(): void {
    process.removeAllListeners('disconnect');
    if (process.connected) process.disconnect();
  }

  async metrics(): Promise<string> {
    return (await this.#askAll('metrics')) ?? '';
  }

  async readiness() {
    return parseReadiness(await this.#askAll('readiness'));
  }

  /** However many ask this process, it asks its parent once at a time. */
  #askAll(what: StateName): Promise<string | undefined> {
    const underWay = this.#asking.get(what);
    if (underWay !== undefined) return underWay;
    const answer = this.#questions.ask((id) => send({ type: 'ask-all', id, what }), 2 * TELL_WITHIN_MS);
    const asking = answer.finally(() => this.#asking.delete(what));
    this.#asking.set(what, asking);
    return asking;
  }

  #receive(message: ParentMessage, stop: () => void): void {
    switch (message.type) {
      case 'reload':
        return this.#reload();
      case 'stop':
        return stop();
      case 'spent':
        return this.budgets.receive(message.spent);
      case 'told-all':
        return this.#questions.told(message.id, message.text);
      case 'ask':
        return void this.#tell(message.id, message.what);
    }
  }

  async #tell(id: number, what: 'metrics' | 'readiness'): Promise<void> {
    const own = this.#own;
    if (own === undefined) return;
    const text = what === 'metrics' ? await own.metrics() : JSON.stringify(await own.readiness());
    send({ type: 'told', id, text });
  }
}

/** A parent that is gone hears nothing. */
function send(message: MemberMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
