import { formatHex } from '../../core/encoding/bytes.ts';

/** The rest of a name after a failure, ms. */
const REST_MS = 60_000;
/** Most names that are remembered. */
const MAX_FAILING = 10_000;

/** Names whose notices could not be looked after, such as by a damaged row. Each rests, and holds up no other. */
export class FailingNames {
  readonly #rests = new Map<string, { readonly labelKey: Uint8Array; readonly untilMs: number }>();

  /** Number of names that rest, or whose rest is over. */
  get size(): number {
    return this.#rests.size;
  }

  /** Lets a name rest from `nowMs` on. Returns false if there are too many to remember it. */
  note(labelKey: Uint8Array, nowMs: number): boolean {
    const key = formatHex(labelKey);
    if (this.#rests.size >= MAX_FAILING && !this.#rests.has(key)) return false;
    this.#rests.set(key, { labelKey, untilMs: nowMs + REST_MS });
    return true;
  }

  /** Forgets a name that could be looked after. */
  forget(labelKey: Uint8Array): void {
    this.#rests.delete(formatHex(labelKey));
  }

  /** Returns true while a name is not to be tried. A rest that a step of the clock made too long is over. */
  isResting(labelKey: Uint8Array, nowMs: number): boolean {
    const waitMs = (this.#rests.get(formatHex(labelKey))?.untilMs ?? 0) - nowMs;
    return waitMs > 0 && waitMs <= REST_MS;
  }

  /** Returns the names that are to be tried again. */
  due(nowMs: number): Uint8Array[] {
    return [...this.#rests.values()].flatMap(({ labelKey }) => (this.isResting(labelKey, nowMs) ? [] : [labelKey]));
  }
}
