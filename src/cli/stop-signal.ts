import { EXIT } from './exit-code.ts';

/** How long more signals are taken for the same wish to stop, ms. */
const SAME_SIGNAL_MS = 2_000;

/**
 * Resolves at the first SIGINT or SIGTERM. The same wish often comes twice, from the terminal and from what started the
 * server, and must not cut the shutdown short; one that comes later ends the process.
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
