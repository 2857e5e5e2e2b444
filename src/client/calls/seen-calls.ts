import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { OfferBody } from './call-messages.ts';

/** Time from an offer to its answer, in ms: the phone rings no longer. */
export const CALL_LIFETIME_MS = 120_000;
/** The greatest lead of the caller's clock, in ms. */
const CLOCK_AHEAD_MS = 60_000;
const MAX_SEEN = 4096;
/** Offers of one caller within that time: whoever sends more keeps nobody else from calling. */
export const MAX_CALLS_OF_ONE = 32;

/** An offer that was taken. */
interface SeenCall {
  /** The caller's label, hex. */
  readonly caller: string;
  /** Until when it could be taken again, ms since the epoch. */
  readonly untilMs: number;
}

/** The offers that a device has taken, for as long as they could be taken again. */
export class SeenCalls {
  readonly #calls = new Map<string, SeenCall>();

  /** Throws `call-mismatch` for an offer of another time, or one that was taken before. */
  assertNew(offer: OfferBody, nowMs: number): void {
    const { timeMs } = offer;
    const isNow = timeMs > nowMs - CALL_LIFETIME_MS && timeMs <= nowMs + CLOCK_AHEAD_MS;
    ensure(isNow, 'call-mismatch', 'the offer of a call at another time: compare the clocks of the two devices');
    ensure(!this.#calls.has(keyOf(offer)), 'call-mismatch', 'this call has rung before');
  }

  /** Takes an offer whose signature holds. Throws as {@link assertNew} does, and `overloaded` for too many at once. */
  take(offer: OfferBody, nowMs: number): void {
    this.assertNew(offer, nowMs);
    for (const [key, { untilMs }] of this.#calls) if (untilMs <= nowMs) this.#calls.delete(key);
    const caller = formatHex(offer.caller.label);
    const own = [...this.#calls.values()].filter((one) => one.caller === caller);
    ensure(own.length < MAX_CALLS_OF_ONE, 'overloaded', `more than ${MAX_CALLS_OF_ONE} calls of one caller at once`);
    ensure(this.#calls.size < MAX_SEEN, 'overloaded', `more than ${MAX_SEEN} calls within two minutes`);
    this.#calls.set(keyOf(offer), { caller, untilMs: offer.timeMs + CALL_LIFETIME_MS });
  }
}

/** Another caller's offer with the same id does not take this one's place. */
function keyOf({ callId, callerKey }: OfferBody): string {
  return formatHex(callId) + formatHex(callerKey);
}
