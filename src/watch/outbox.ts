import { isGlasskeyError } from '../core/errors.ts';
import { parseDeliveryAddress } from '../delivery/address.ts';
import { type DeliveryResult, NOT_TRIED, OFF } from '../delivery/delivery-result.ts';
import { redeliveryDelayMs } from '../delivery/retry-schedule.ts';
import type { QueuedNotice } from './records.ts';
import type { WatchContext } from './watch-context.ts';
import type { WatchChange } from './watch-store.ts';

/** Deliveries under way at a time: of mail, which one server takes, and to places that strangers chose. */
const AT_A_TIME = { mail: 8, others: 12 };
/** Time for which a notice waits for a channel that is switched off, ms. */
const OFF_MS = 7 * 86_400_000;
/** Time after which a pass begins no further delivery, ms: what came meanwhile takes its turn. */
const PASS_MS = 10_000;

/**
 * Delivers every notice that is due, and keeps those that have to be tried again. A notice leaves the store only once
 * it was accepted, refused for good, or tried too often: a killed watcher may deliver one twice, and loses none. Its
 * `id` lets the receiver tell. A slow receiver, or one with many notices, holds up no other. Throws `storage-failed`.
 */
export async function deliverDue(context: WatchContext, signal: AbortSignal): Promise<void> {
  const { store, now } = context;
  const startedMs = now();
  const due = inTurn([...store.queue()].filter(([, { nextMs }]) => nextMs <= startedMs));
  const pass = async (some: readonly Queued[], atATime: number): Promise<void> => {
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < some.length && !signal.aborted && now() - startedMs < PASS_MS) {
        const [key, queued] = some[next++] as Queued;
        await store.commit([[key, await deliverOne(context, queued)]]);
      }
    };
    await Promise.all(Array.from({ length: Math.min(atATime, some.length) }, work));
  };
  const isMail = ([, { address }]: Queued): boolean => address.startsWith('mailto:');
  await Promise.all([
    pass(due.filter(isMail), AT_A_TIME.mail),
    pass(
      due.filter((one) => !isMail(one)),
      AT_A_TIME.others,
    ),
  ]);
}

type Queued = readonly [key: string, notice: QueuedNotice];

/** Sorts notices: one of each place before the second of any, and places where an attempt failed come last. */
function inTurn(due: readonly Queued[]): readonly Queued[] {
  const placed = due.map((one) => ({ one, place: placeOf(one[1].address) }));
  const failing = new Set(placed.filter(({ one: [, { tries }] }) => tries > 0).map(({ place }) => place));
  const before = new Map<string, number>();
  const turns = placed.map(({ one, place }) => {
    const turn = before.get(place) ?? 0;
    before.set(place, turn + 1);
    return { one, isFailing: failing.has(place) ? 1 : 0, turn };
  });
  return turns.toSorted((a, b) => a.isFailing - b.isFailing || a.turn - b.turn).map(({ one }) => one);
}

/** Returns the host of a webhook; other addresses stand for themselves. */
function placeOf(address: string): string {
  return address.startsWith('https:') ? new URL(address).host : address;
}

/** Delivers a notice once. Returns it as it waits from now on; undefined if it is done with. */
async function deliverOne(context: WatchContext, queued: QueuedNotice): Promise<WatchChange[1]> {
  const { now, observe, random } = context;
  const result = await attempt(context, queued);
  if (result.outcome !== 'retry') {
    observe({ type: 'delivery', outcome: result.outcome });
    return undefined;
  }
  if (result === OFF && now() - queued.sinceMs > OFF_MS) {
    observe({ type: 'delivery', outcome: 'gave-up' });
    return undefined;
  }
  if (NOT_TRIED.includes(result.reason)) {
    observe({ type: 'delivery', outcome: 'later' });
    return { ...queued, nextMs: now() + (result.afterMs ?? 1_000) };
  }
  const tries = queued.tries + 1;
  const pauseMs = redeliveryDelayMs(tries, result.afterMs, () => (random(1)[0] ?? 0) / 256);
  observe({ type: 'delivery', outcome: pauseMs === undefined ? 'gave-up' : 'later' });
  if (pauseMs === undefined) return undefined;
  return { ...queued, tries, nextMs: now() + pauseMs };
}

async function attempt({ deliverer }: WatchContext, { address, notice }: QueuedNotice): Promise<DeliveryResult> {
  try {
    const to = parseDeliveryAddress(address);
    return deliverer.has(to.kind) ? await deliverer.deliver(to, notice) : OFF;
  } catch (error) {
    const isRefused = isGlasskeyError(error) && error.fault === 'usage';
    return { outcome: isRefused ? 'refused' : 'retry', reason: 'the delivery failed' };
  }
}
