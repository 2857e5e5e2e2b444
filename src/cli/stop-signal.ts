import { EXIT } from './exit-code.ts';

/** Time in which further signals count as the same request to stop, ms. */
const SAME_SIGNAL_MS = 2_000;

/**
 * Resolves at the first SIGINT or SIGTERM. The terminal and the parent process often send the same signal twice, which
 * must not cut the shutdown short. A later signal ends the process at once.
 */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        firstMs ??= performance.now();
        if (performance.now() - firstMs > SAME_SIGNAL_MS) process.exit(EXIT.refused);
        resolve();
      });
    }
  });
}
