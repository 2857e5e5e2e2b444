import { ERROR_CODES } from '../../src/core/error-codes.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { Refusal } from '../scenario/crash-load.ts';

/** Faults of the operator's side that pass: ask again. */
const PASSING = new Set<string>(['overload', 'network', 'storage']);
/** Refusals that pass, too: an earlier request of the same kind is under way. */
const UNDER_WAY = new Set(['version-conflict', 'head-moved']);
/** These never pass: the log or its database is broken. */
const BROKEN = new Set(['storage-corrupt', 'storage-unsafe', 'log-rolled-back']);

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** What honest clients did, what was refused, and what must not happen. */
export class SoakNotes {
  /** Operations that were acknowledged, by name. */
  readonly done = new Map<string, number>();
  /** Refusals that an honest client waited out, by code. */
  readonly refused = new Map<string, number>();
  /** What no honest client should ever meet. */
  readonly surprises: string[] = [];
  readonly #over: AbortSignal;

  constructor(over: AbortSignal) {
    this.#over = over;
  }

  get isOver(): boolean {
    return this.#over.aborted;
  }

  count(operation: string): void {
    increment(this.done, operation);
  }

  /**
   * Tries until it works, with a pause after each refusal that passes; notes any other one and gives up. `attempt` gets
   * the number of attempts before. Returns undefined if it gave up, or the soak is over.
   */
  async insist<T>(operation: string, attempt: (before: number) => Promise<T>): Promise<T | undefined> {
    let pauseMs = FIRST_PAUSE_MS;
    for (let before = 0; !this.isOver; before++) {
      try {
        const result = await attempt(before);
        this.count(operation);
        return result;
      } catch (error) {
        const code = codeOf(error);
        if (!passes(code)) {
          this.surprises.push(`${operation}: ${error instanceof Error ? error.message : String(error)} (${code})`);
          return undefined;
        }
        increment(this.refused, code);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
    return undefined;
  }
}

function increment(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function codeOf(error: unknown): string {
  if (isGlasskeyError(error)) return error.code;
  return error instanceof Refusal ? error.code : 'no code';
}

function passes(code: string): boolean {
  if (BROKEN.has(code)) return false;
  const fault: string | undefined = Object.entries(ERROR_CODES).find(([name]) => name === code)?.[1];
  return UNDER_WAY.has(code) || (fault !== undefined && PASSING.has(fault));
}
