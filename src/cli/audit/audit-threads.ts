import { availableParallelism } from 'node:os';
import {
  type UpdatesJob,
  type UpdatesOutcome,
  type VerifyUpdates,
  verifyUpdates,
} from '../../client/audit/verify-updates.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { JobThread } from '../../service/threads/job-thread.ts';
import { type AuditSource, openSource } from './audit-source.ts';

/** AuditorUpdates that each job reads ahead. */
export const UPDATES_AHEAD = 16;
/** Jobs queued per thread, the running one included, so that no thread waits for the one that hands them out. */
const JOBS_PER_THREAD = 4;

/** A pool of threads that verify AuditorUpdates for an audit. */
export interface AuditThreads {
  readonly verifyUpdates: VerifyUpdates;
  /** The number of jobs to keep in flight. */
  readonly jobs: number;
  close(): Promise<void>;
}

interface Busy {
  readonly thread: JobThread<UpdatesJob, UpdatesOutcome>;
  jobs: number;
}

/**
 * Verifies AuditorUpdates in up to `count` threads (default: one per core), which read them from `source` themselves:
 * reading, decompression, decoding and hashing leave the thread that follows the log. Starts a thread only when all
 * others are busy, so that a short audit starts none in vain. If a thread cannot run, the calling thread works instead.
 */
export function auditThreads(source: AuditSource, count = availableParallelism()): AuditThreads {
  const threads: Busy[] = [];
  let closed = false;
  const files = openSource(source);
  const here = async (job: UpdatesJob): Promise<UpdatesOutcome> => {
    // Nobody needs the remaining jobs of an audit that has failed.
    if (closed) throw new GlasskeyError('shutting-down', 'the audit has ended');
    return verifyUpdates(files, job, UPDATES_AHEAD);
  };
  const start = (): Busy => {
    const busy = { thread: new JobThread(new URL('./audit-worker.js', import.meta.url), here, source), jobs: 0 };
    threads.push(busy);
    return busy;
  };
  return {
    jobs: count * JOBS_PER_THREAD,
    verifyUpdates: async (job) => {
      const idlest = threads.toSorted((a, b) => a.jobs - b.jobs)[0];
      const chosen = idlest === undefined || (idlest.jobs > 0 && threads.length < count) ? start() : idlest;
      chosen.jobs++;
      try {
        return await chosen.thread.run(job);
      } finally {
        chosen.jobs--;
      }
    },
    close: async () => {
      closed = true;
      await Promise.all(threads.map(({ thread }) => thread.close()));
    },
  };
}
