import { setTimeout as sleep } from 'node:timers/promises';
import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { namesConfiguration } from '../service/sequencing/replace-configuration.ts';
import type { LogService } from '../service/log-service.ts';

const PATIENCE_MS = 30_000;
const POLL_MS = 25;

/**
 * Waits until the newest entry is released, has the log's Configuration, and is fresh enough for clients or ends the
 * log. A log that was stopped for a while first gets an entry. Returns false after 30 s, and at once if the stored log
 * contradicts itself: it can still be read. Throws `clock-skew` if the log was stopped for so long that the operator
 * must check the clock.
 */
export async function waitUntilFresh(service: LogService): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    if (await isFresh(service).catch(() => false)) return true;
    const { failure, trouble } = service.sequencer;
    if (failure !== undefined) return false;
    if (isGlasskeyError(trouble, 'clock-skew')) {
      const advice = 'check the clock; if it is right, serve once with --accept-clock-gap';
      throw new GlasskeyError('clock-skew', `${trouble.message}: ${advice}`, { cause: trouble });
    }
    await sleep(POLL_MS);
  }
  return false;
}

async function isFresh(service: LogService): Promise<boolean> {
  const { store, now, configuration } = service.context;
  const head = await store.readHead();
  const { released } = await service.progress.refresh();
  const isYoung = now() - head.timestampMs <= configuration.maxBehindMs || (await store.readLogEnd()) !== undefined;
  return released.size === head.size && isYoung && (await namesConfiguration(service.context, head.size));
}
