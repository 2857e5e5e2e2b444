/** The longest delay that a timer can have, ms. Timers with a longer one fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Limits on how long work may take. */
export interface TimeLimits {
  /** Longest duration, ms. */
  readonly timeoutMs: number;
  /** Ends the work earlier. Default: nothing does. */
  readonly signal?: AbortSignal | undefined;
}

/** Returns a delay that a timer can have, for a duration of any length in ms. */
export function timerMs(durationMs: number): number {
  return Math.min(durationMs, MAX_TIMER_MS);
}

/**
 * Runs `work` within limits of time. At the limit, rejects with `late()`, or with the reason of the caller's signal,
 * and aborts the signal that `work` has, so that it can release what it holds.
 *
 * It rejects whether or not the work heeds that signal. The platform's `fetch` does not always: once it has resolved,
 * only weak references lead from the signal to the body, and a garbage collection removes them. The timer is strongly
 * held; that of `AbortSignal.timeout()` is not.
 */
export function withDeadline<T>(
  { timeoutMs, signal }: TimeLimits,
  late: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const ending = new AbortController();
    const end = (reason: Error): void => {
      reject(reason);
      ending.abort(reason);
    };
    const stop = (): void => end(signal?.reason instanceof Error ? signal.reason : new Error('ended'));
    const timer = setTimeout(() => end(late()), timerMs(timeoutMs));
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted === true) stop();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    };
    work(ending.signal).then(resolve, reject).finally(done);
  });
}
