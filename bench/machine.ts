import { availableParallelism, cpus, totalmem, type } from 'node:os';
import { round } from './load.ts';

/** What a measurement ran on. */
export function describeMachine(): Record<string, string | number> {
  return {
    processors: availableParallelism(),
    model: cpus()[0]?.model ?? 'unknown',
    memoryGb: round(totalmem() / 2 ** 30, 1),
    system: type(),
    node: process.version,
  };
}
