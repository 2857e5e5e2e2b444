import { setTimeout as sleep } from 'node:timers/promises';
import type { SoakServer } from './soak-server.ts';

/** What is done to the servers, in this order. */
export const FAULTS = [
  'kill',
  'kill',
  'stop',
  'kill',
  'kill',
  'clock',
  'kill',
  'stop',
  'kill',
  'kill',
  'kill',
  'stop',
  'kill',
  'kill',
] as const;

/** Longest time that a server stays stopped, or its clock wrong, ms. */
const LONGEST_FAULT_MS = 20_000;

/** Does all faults within `durationMs`, one at a time; returns once every server is ready again. */
export async function causeFaults(
  servers: readonly SoakServer[],
  { durationMs, random, over }: { durationMs: number; random: () => number; over: AbortSignal },
): Promise<readonly string[]> {
  const intervalMs = durationMs / (FAULTS.length + 1);
  const lastMs = Math.min(LONGEST_FAULT_MS, intervalMs / 2);
  const start = performance.now();
  const done: string[] = [];
  for (const [index, fault] of FAULTS.entries()) {
    await sleep(Math.max(0, start + intervalMs * (index + 1) - performance.now()), undefined, { signal: over });
    const server = fault === 'kill' ? servers[Math.floor(random() * servers.length)] : await writerOf(servers);
    if (server === undefined) throw new Error('no server writes the log');
    if (fault === 'kill') await server.kill();
    else if (fault === 'stop') await server.pause(() => sleep(lastMs));
    else await server.jumpClock(() => sleep(lastMs));
    done.push(fault);
  }
  return done;
}

/** The server that writes the log, after one that wrote it was killed too. */
async function writerOf(servers: readonly SoakServer[]): Promise<SoakServer | undefined> {
  for (let i = 0; i < 600; i++) {
    for (const server of servers) if (await server.isWriter()) return server;
    await sleep(100);
  }
  return undefined;
}
