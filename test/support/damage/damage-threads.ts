import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import type { DamageJob, DamageOutcome } from './damage-worker.ts';

/** The memory that a thread may use: it ends with an error beyond that. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 32 };

/** Does jobs in threads, each of which has a bounded heap. Rejects where one of them runs out of it. */
export async function inThreads(jobs: readonly DamageJob[]): Promise<DamageOutcome[]> {
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-damage-'));
  const outfile = join(folder, 'damage-worker.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'damage-worker.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'error',
  });
  const outcomes: DamageOutcome[] = [];
  const waiting = [...jobs];
  const work = async (): Promise<void> => {
    const worker = new Worker(outfile, { resourceLimits: RESOURCE_LIMITS });
    try {
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        worker.postMessage(job, []);
        const [outcome] = (await once(worker, 'message')) as [DamageOutcome];
        outcomes.push(outcome);
      }
    } finally {
      await worker.terminate();
    }
  };
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, work));
  } finally {
    await rm(folder, { recursive: true });
  }
  return outcomes;
}
