import { SingleBar } from 'cli-progress';
import type { AuditProgress } from '../../client/audit/audit-log.ts';

/** A display of the progress of an audit. */
export interface ProgressDisplay {
  /** Shows the number of copied entries and of all entries. */
  copied(done: number, total: number): void;
  audited(progress: AuditProgress): void;
  stop(): void;
}

const SILENT: ProgressDisplay = { copied: () => undefined, audited: () => undefined, stop: () => undefined };

/** Returns a progress bar with rate and time left on a terminal, else a display that shows nothing. */
export function progressDisplay(): ProgressDisplay {
  return process.stderr.isTTY ? progressBar() : SILENT;
}

function progressBar(): ProgressDisplay {
  const format = '{what} {bar} {value}/{total} entries{rate}, {eta_formatted} left';
  const options = { format, stream: process.stderr, clearOnComplete: true, hideCursor: true, etaBuffer: 500 };
  const bar = new SingleBar(options);
  const startMs = performance.now();
  let shown: string | undefined;
  const show = (what: string, done: number, total: number, rate: string): void => {
    if (shown !== what) bar.start(total, done, { what, rate });
    shown = what;
    bar.setTotal(total);
    bar.update(done, { what, rate });
  };
  return {
    copied: (done, total) => show('copying', done, total, ''),
    audited: ({ done, total, updates }) => {
      const perSecond = Math.round((updates * 1000) / Math.max(performance.now() - startMs, 1));
      show('auditing', done, total, `, ${perSecond} changes/s`);
    },
    stop: () => bar.stop(),
  };
}
