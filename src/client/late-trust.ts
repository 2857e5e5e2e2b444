import { GlasskeyError } from '../core/errors.ts';
import type { Fetch } from '../core/net/bounded-fetch.ts';
import type { HeldToNewest } from './newest-trust.ts';

/** Most causes of an error that are looked at. */
const MAX_CAUSES = 8;

/** A request that was held back: the server's trust bundle comes first. */
class HeldBack extends GlasskeyError {
  constructor() {
    super('network-failed', 'the server could not be reached when the directory was opened');
  }
}

/**
 * Lets a directory open without a network, by the trust bundle that its state has pinned. No request leaves before the
 * server has shown its own bundle, as {@link LateTrust.run} asks for before the first one. Work that makes no request
 * needs none of it.
 */
export class LateTrust {
  readonly #fetch: Fetch;
  readonly #settle: () => Promise<void>;
  #isPending = false;
  #settling: Promise<Error | undefined> | undefined;
  /** Why the bundle could not be settled, while work that wants it runs once more to report that. */
  #failure: Error | undefined;
  /** Runs that report it. */
  #reporting = 0;

  /** `fetch` makes the requests. `settle` settles the bundle, by requests of its own; it may be called again. */
  constructor(fetch: Fetch, settle: () => Promise<void>) {
    this.#fetch = fetch;
    this.#settle = settle;
  }

  /** Holds requests back from now on, until the bundle is settled. */
  defer(): void {
    this.#isPending = true;
  }

  /** Makes a request, if the bundle is settled. */
  readonly fetch: Fetch = async (url, init) => {
    if (this.#isPending) throw this.#failure ?? new HeldBack();
    return this.#fetch(url, init);
  };

  /**
   * Runs work. If it wants to make a request before the bundle is settled, settles the bundle, and runs the work once
   * more: nothing of it has left before. If that fails, the work fails with its reason.
   */
  readonly run: HeldToNewest = async (work, failuresOf = () => []) => {
    try {
      const result = await work();
      if (!failuresOf(result).some(wasHeldBack)) return result;
    } catch (error) {
      if (!wasHeldBack(error)) throw error;
    }
    this.#failure = await this.#settleOnce();
    this.#reporting++;
    try {
      return await work();
    } finally {
      // Others may still be about to report it: they take turns at the state.
      this.#reporting--;
      if (this.#reporting === 0) this.#failure = undefined;
    }
  };

  /** Settles the bundle, once for all who wait for it. Returns why it failed. */
  #settleOnce(): Promise<Error | undefined> {
    this.#settling ??= this.#settle()
      .then(
        () => {
          this.#isPending = false;
          return undefined;
        },
        (error: unknown) => (error instanceof Error ? error : new Error('the trust bundle could not be settled')),
      )
      .finally(() => {
        this.#settling = undefined;
      });
    return this.#settling;
  }
}

function wasHeldBack(error: unknown): boolean {
  let cause = error;
  for (let i = 0; i < MAX_CAUSES && cause instanceof Error; i++, cause = cause.cause) {
    if (cause instanceof HeldBack) return true;
  }
  return false;
}
