/** A display of the progress of an audit of an AKD log. */
export interface AkdProgress {
  /** Shows the last verified epoch and how many insertions this round has verified. */
  verified(epoch: number, inserted: number): void;
  stop(): void;
}

/** Returns a line on a terminal's stderr that changes in place, else a display that shows nothing. */
export function akdProgress(): AkdProgress {
  if (!process.stderr.isTTY) return { verified: () => undefined, stop: () => undefined };
  const startMs = performance.now();
  return {
    verified: (epoch, inserted) => {
      const perSecond = Math.round((inserted * 1000) / Math.max(performance.now() - startMs, 1));
      process.stderr.write(`\r\u001b[Kverified epoch ${epoch}, ${perSecond} insertions/s`);
    },
    stop: () => void process.stderr.write('\r\u001b[K'),
  };
}
