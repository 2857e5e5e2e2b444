import { formatHex } from '../../core/encoding/bytes.ts';
import { FailingNames } from './failing-names.ts';
import type { NotifyParts } from './notify-parts.ts';
import { FORMER_MS } from './notify-settings.ts';

/** Looks at one book. */
type Look = (labelKey: Uint8Array) => Promise<void>;

/** Books per read. */
const PAGE = 500;
/** Books that are looked after at once. */
const AT_ONCE = 16;

/** Finds the books that are to be looked at: by their times, and, once the log has grown, by their names. */
export class BookRounds {
  readonly #parts: Pick<NotifyParts, 'prover'>;
  readonly #failed: (error: unknown) => void;
  readonly #failing = new FailingNames();
  /** Size of the log in which every book was last compared with its label; undefined before. */
  #comparedSize: number | undefined;
  /** {@link compareAgain} was called since the last comparison began. */
  #again = false;
  #stopping = false;

  /** `failed` is told of each look that failed. */
  constructor(parts: Pick<NotifyParts, 'prover'>, failed: (error: unknown) => void) {
    this.#parts = parts;
    this.#failed = failed;
  }

  /** Has the next round compare every book with its name, though the log may not have grown. */
  compareAgain(): void {
    this.#again = true;
  }

  /** Lets a round end after the looks that are under way. */
  stop(): void {
    this.#stopping = true;
  }

  /**
   * Runs one round. If nobody `isTelling`, only names with new versions are looked at. A look that fails rests for a
   * while. Throws what the store throws.
   */
  async run(isTelling: boolean, look: Look): Promise<void> {
    const { context, progress } = this.#parts.prover;
    const { size } = (await progress.released()).released;
    const nowMs = context.now();
    const limit = PAGE + this.#failing.size;
    const due = isTelling ? await context.store.listDueNotifyBooks(nowMs, nowMs + 2 * FORMER_MS, limit) : [];
    const first = new Map([...due, ...this.#failing.due(nowMs)].map((labelKey) => [formatHex(labelKey), labelKey]));
    await this.#lookAtAll([...first.values()], look);
    const looked: ReadonlySet<string> = new Set(first.keys());
    if (size === this.#comparedSize && !this.#again) return;
    this.#again = false;
    this.#comparedSize = (await this.#compare(looked, look)) ? size : undefined;
  }

  /** Looks at the books whose label has a later version than some address was told of. Returns true after the last. */
  async #compare(looked: ReadonlySet<string>, look: Look): Promise<boolean> {
    const { store } = this.#parts.prover.context;
    let after: Uint8Array | undefined;
    let isDone = true;
    for (;;) {
      const page = await store.listUntoldNotifyBooks(after, PAGE);
      const others = page.filter((labelKey) => !looked.has(formatHex(labelKey)));
      const isKnown = await this.#lookAtAll(others, look);
      isDone = isDone && isKnown && !this.#stopping;
      after = page.at(-1);
      if (page.length < PAGE || this.#stopping) return isDone;
    }
  }

  /** Looks at books. Returns false if one failed that cannot be remembered. */
  async #lookAtAll(labelKeys: readonly Uint8Array[], look: Look): Promise<boolean> {
    const { now } = this.#parts.prover.context;
    const waiting = labelKeys.filter((labelKey) => !this.#failing.isResting(labelKey, now()));
    let isKnown = true;
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined && !this.#stopping; next = waiting.shift()) {
        const labelKey = next;
        await look(labelKey).then(
          () => this.#failing.forget(labelKey),
          (error: unknown) => {
            isKnown = this.#failing.note(labelKey, now()) && isKnown;
            this.#failed(error);
          },
        );
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return isKnown;
  }
}
