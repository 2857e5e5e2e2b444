/** Tokens that a process has taken from a bucket; negative if it gave some back. */
export type Spending = readonly [budget: string, key: string, tokens: number];

/** Most spendings in one message. What is beyond stays in the process that spent it. */
const MAX_SPENDINGS = 1_000;

/**
 * Lets the processes of one server take from the same token buckets. Each tells the others at once what it has taken,
 * so that a limit holds for all together, but for what they admit within the same few milliseconds.
 */
export class BudgetExchange {
  readonly #send: (spent: readonly Spending[]) => void;
  readonly #budgets = new Map<string, (key: string, tokens: number) => void>();
  #pending: Spending[] = [];

  /** `send` reaches every other process. */
  constructor(send: (spent: readonly Spending[]) => void) {
    this.#send = send;
  }

  /** Takes part with a budget, in place of an earlier one of this name. `apply` takes what others have spent. */
  join(budget: string, apply: (key: string, tokens: number) => void): void {
    this.#budgets.set(budget, apply);
  }

  /** Announces what was taken, with everything else of this turn of the event loop. */
  spend(budget: string, key: string, tokens: number): void {
    if (this.#pending.length === 0) setImmediate(() => this.#flush());
    if (this.#pending.length < MAX_SPENDINGS) this.#pending.push([budget, key, tokens]);
  }

  /** Takes what another process has spent. Ignores budgets that this one does not have. */
  receive(spent: readonly Spending[]): void {
    for (const [budget, key, tokens] of spent) this.#budgets.get(budget)?.(key, tokens);
  }

  #flush(): void {
    const spent = this.#pending;
    this.#pending = [];
    this.#send(spent);
  }
}
