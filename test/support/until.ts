import { setTimeout as sleep } from 'node:timers/promises';

/** How long and how often {@link until} looks, and the error of a wait in vain. */
export interface UntilOptions {
  /** Default: 20 s. */
  readonly withinMs?: number;
  /** Default: 50 ms. */
  readonly everyMs?: number;
  readonly told?: () => string | Promise<string>;
}

/** Waits until something is true. Rejects with what `told` says if that takes too long. */
export async function until(isTrue: () => boolean | Promise<boolean>, options: UntilOptions = {}): Promise<void> {
  const { withinMs = 20_000, everyMs = 50, told = () => 'waited in vain' } = options;
  const deadline = performance.now() + withinMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(await told());
    await sleep(everyMs);
  }
}
