/**
 * The end of one attempt. `retry`: later, after `afterMs` at the earliest. `gone`: the address no longer exists.
 * `refused`: this notice will never be taken there. A reason is for the operator's log. It holds no address, and no
 * words of the other side.
 */
export type DeliveryResult =
  | { readonly outcome: 'sent' }
  | { readonly outcome: 'retry'; readonly afterMs?: number; readonly reason: string }
  | { readonly outcome: 'gone' | 'refused'; readonly reason: string };

/** The result of an attempt that is not made, because too many are under way. */
export const BUSY = { outcome: 'retry', afterMs: 5_000, reason: 'busy' } as const satisfies DeliveryResult;
/** The result of an attempt that is not made, because the operator has switched the channel off. */
export const OFF: DeliveryResult = { outcome: 'retry', afterMs: 3_600_000, reason: 'off' };
/** The reasons of results that say nothing about the receiver. */
export const NOT_TRIED: readonly string[] = ['busy', 'off', 'closing'];
