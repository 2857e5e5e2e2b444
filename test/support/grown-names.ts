import { randomBytes } from 'node:crypto';
import type { LyingOperator } from './lying-operator.ts';

/** Entries of one append. */
const BATCH = 2_000;

/** One entry of so many changes a name; the others are like heartbeats, which are quick to make. */
const QUIET = 20;

/**
 * Grows a log by `count` entries over `days` days; every twentieth adds a version of a name that nobody knows. Whoever
 * audits or draws them sees no difference to a log with these names, and nobody can look them up.
 */
export async function growNames(operator: LyingOperator, count: number, days: number): Promise<void> {
  const { clock } = operator.server.log;
  const batches = Math.ceil(count / BATCH);
  for (let done = 0; done < count; done += BATCH) {
    clock.advance((days * 86_400_000) / batches);
    const size = Math.min(BATCH, count - done);
    const changes = Array.from({ length: size }, (_, i) =>
      i % QUIET === 0 ? [{ vrfOutput: randomBytes(32), commitment: randomBytes(32) }] : [],
    );
    await operator.appendChanges(changes);
  }
}
