import { availableParallelism } from 'node:os';

/** Most processes of one server. Each takes up to 12 connections to the database. */
export const MAX_PROCESSES = 64;

/** Returns the number of processes for `--processes`; `auto` is one for each processor. */
export function countProcesses(asked: number | 'auto' | undefined): number {
  return asked === 'auto' ? Math.min(availableParallelism(), MAX_PROCESSES) : (asked ?? 1);
}
