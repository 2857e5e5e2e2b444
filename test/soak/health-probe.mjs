/**
 * Asks for a page of each server again and again, and writes one line of JSON for each answer. It is a process of its
 * own: a busy event loop of the load would look like a slow server.
 *
 * usage: node health-probe.mjs URL...
 */
const PERIOD_MS = 100;
const PATIENCE_MS = 30_000;

async function probe(url) {
  for (;;) {
    const atMs = performance.timeOrigin + performance.now();
    const ok = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) }).then(
      async (response) => {
        await response.text();
        return response.status === 200;
      },
      () => false,
    );
    const ms = performance.timeOrigin + performance.now() - atMs;
    process.stdout.write(`${JSON.stringify({ url, atMs, ms, ok })}\n`);
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
  }
}

await Promise.all(process.argv.slice(2).map(probe));
