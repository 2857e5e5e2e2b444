import { isGlasskeyError } from '../core/errors.ts';
import { parseDeliveryAddress } from '../delivery/address.ts';
import type { DeliveryResult } from '../delivery/delivery-result.ts';
import { redeliveryDelayMs } from '../delivery/retry-schedule.ts';
import type { QueuedNotice } from './records.ts';
import type { WatchContext } from './watch-context.ts';
import type { WatchChange } from './watch-store.ts';

/** Deliveries under way at a time. */
const AT_A_TIME = 16;

/**
 * Delivers every notice that is due, and keeps those that have to be tried again. A notice leaves the store only once
 * it was accepted, refused for good, or tried too often: a killed watcher may deliver one twice, and loses none. Its
 * `id` lets the receiver tell. Throws `storage-failed`.
 */
export async function deliverDue(context: WatchContext, signal: AbortSignal): Promise<void> {
  const { store, now } = context;
  const due = [...store.queue()].filter(([, { nextMs }]) => nextMs <= now());
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < due.length && !signal.aborted) {
      const [key, queued] = due[next++] as [string, QueuedNotice];
      await store.commit([[key, await deliverOne(context, queued)]]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_A_TIME, due.length) }, work));
}

/** Delivers a notice once. Returns it as it waits from now on; undefined if it is done with. */
async function deliverOne(context: WatchContext, queued: QueuedNotice): Promise<WatchChange[1]> {
  const { now, observe, random } = context;
  const result = await attempt(context, queued);
  if (result.outcome !== 'retry') {
    observe({ type: 'delivery', outcome: result.outcome });
    return undefined;
  }
  const tries = queued.tries + 1;
  const pauseMs = redeliveryDelayMs(tries, result.afterMs, () => (random(1)[0] ?? 0) / 256);
  observe({ type: 'delivery', outcome: pauseMs === undefined ? 'gave-up' : 'later' });
  if (pauseMs === undefined) return undefined;
  return { ...queued, tries, nextMs: now() + pauseMs };
}

async function attempt({ deliverer }: WatchContext, { address, notice }: QueuedNotice): Promise<DeliveryResult> {
  try {
    return await deliverer.deliver(parseDeliveryAddress(address), notice);
  } catch (error) {
    const isRefused = isGlasskeyError(error) && error.fault === 'usage';
    return { outcome: isRefused ? 'refused' : 'retry', reason: 'the delivery failed' };
  }
}
