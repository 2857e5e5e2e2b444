import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * Asks for a page of each server again and again, and writes one line of JSON for each answer. It is a process of its
 * own: a busy event loop of the load would look like a slow server.
 *
 * usage: node health-probe.mjs URL...; a line `URL PID` on stdin names the process of a server
 */
const PERIOD_MS = 100;
const PATIENCE_MS = 30_000;

const pids = new Map();
createInterface(process.stdin).on('line', (line) => pids.set(...line.split(' ')));

/** Processor time of a server's main thread, ms. Only Linux tells it. */
function workedMs(url) {
  try {
    const pid = pids.get(url);
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return undefined;
  }
}

async function probe(url) {
  for (;;) {
    const before = workedMs(url);
    const atMs = performance.timeOrigin + performance.now();
    const ok = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) }).then(
      async (response) => {
        await response.text();
        return response.status === 200;
      },
      () => false,
    );
    const ms = performance.timeOrigin + performance.now() - atMs;
    const after = workedMs(url);
    // A new process begins at zero.
    const work = before === undefined || after === undefined || after < before ? undefined : after - before;
    process.stdout.write(`${JSON.stringify({ url, atMs, ms, work, ok })}\n`);
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
  }
}

await Promise.all(process.argv.slice(2).map(probe));
