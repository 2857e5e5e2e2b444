import { Semaphore } from './semaphore.ts';
import type { ServiceLimits } from './service-limits.ts';

/**
 * Bounds the reads that no budget charges, by what is read. Each has its own places: while the database is silent,
 * reads of the log's files keep theirs, and CRLs and OCSP responses are served from memory.
 */
export type Reading = Readonly<Record<'files' | 'crls' | 'ocsp', Semaphore>>;

/** Makes the semaphores of one log. */
export function createReading(limits: ServiceLimits): Reading {
  const { maxReadsAtOnce, maxOcspAtOnce, maxReadsWaiting: waiting, maxWaitingOfOne: waitingOfOne, patienceMs } = limits;
  const of = (atOnce: number): Semaphore => new Semaphore({ atOnce, waiting, waitingOfOne, patienceMs });
  return { files: of(maxReadsAtOnce), crls: of(maxReadsAtOnce), ocsp: of(maxOcspAtOnce) };
}
