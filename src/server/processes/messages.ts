import type { Spending } from '../../service/budget-exchange.ts';

/** The state that one process reports: text of its metrics, or its readiness as JSON. */
export type StateName = 'metrics' | 'readiness';

/** A message from a process to its parent. */
export type MemberMessage =
  /** It listens. */
  | { readonly type: 'ready'; readonly url: string; readonly fingerprint: string }
  | { readonly type: 'spent'; readonly spent: readonly Spending[] }
  /** It answers a question of its parent. */
  | { readonly type: 'told'; readonly id: number; readonly text: string }
  /** It asks for the state of all processes together. */
  | { readonly type: 'ask-all'; readonly id: number; readonly what: StateName };

/** A message from the parent to one of its processes. */
export type ParentMessage =
  | { readonly type: 'reload' }
  | { readonly type: 'stop' }
  | { readonly type: 'spent'; readonly spent: readonly Spending[] }
  | { readonly type: 'ask'; readonly id: number; readonly what: StateName }
  /** The answer to `ask-all`. */
  | { readonly type: 'told-all'; readonly id: number; readonly text: string };

/** The environment variable by which the parent tells a process its part, as JSON: {@link MemberPart}. */
export const MEMBER_VARIABLE = 'GLASSKEY_PROCESS';

/** The part of one of several processes. */
export interface MemberPart {
  /** From 1. */
  readonly number: number;
  /** `host:port`, with the port that all share. */
  readonly listen: string;
  /** True if the parent serves operators on an address of its own. */
  readonly hasOperatorListener: boolean;
}

/** Questions under way, by their numbers. */
export class Questions {
  readonly #waiting = new Map<number, (text: string | undefined) => void>();
  #next = 0;

  /** Sends a question with a new number, and waits for its answer; undefined after `withinMs`. */
  ask(send: (id: number) => void, withinMs: number): Promise<string | undefined> {
    const id = this.#next++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.told(id, undefined), withinMs);
      this.#waiting.set(id, (text) => {
        clearTimeout(timer);
        resolve(text);
      });
      send(id);
    });
  }

  /** Takes an answer. Ignores one that nobody waits for. */
  told(id: number, text: string | undefined): void {
    this.#waiting.get(id)?.(text);
    this.#waiting.delete(id);
  }
}

/** Time for a process to tell its state, ms. */
export const TELL_WITHIN_MS = 3_000;
