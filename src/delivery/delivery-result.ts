/**
 * The end of one attempt. `retry`: later, after `afterMs` at the earliest. `gone`: the address no longer exists.
 * `refused`: this notice will never be taken there. A reason is for the operator's log. It holds no address, and no
 * words of the other side.
 */
export type DeliveryResult =
  | { readonly outcome: 'sent' }
  | { readonly outcome: 'retry'; readonly afterMs?: number; readonly reason: string }
  | { readonly outcome: 'gone' | 'refused'; readonly reason: string };
