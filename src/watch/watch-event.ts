/** An event of a watcher, for metrics and logs. No event names a watched name or an address. */
export type WatchEvent =
  /** The log is audited up to this size; `entries` and `updates` count what this round verified. */
  | { readonly type: 'verified'; readonly size: number; readonly entries: number; readonly updates: number }
  /** `done` of `total` entries are verified. */
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  /** The log's entries added versions of watched names. */
  | { readonly type: 'added'; readonly count: number }
  /** Notices about versions, by wording. */
  | { readonly type: 'told'; readonly wording: 'told' | 'untold' | 'alarm' | 'unshown' }
  /** The look at a name, or a round, failed; it is repeated. */
  | {
      readonly type: 'failed';
      readonly work: 'audit' | 'look' | 'peer';
      readonly error: unknown;
      readonly isMisbehaviour: boolean;
    }
  /** Every owner was told that the log misbehaves. */
  | { readonly type: 'alarm'; readonly code: string }
  /** Every owner was told that the log has ended. */
  | { readonly type: 'ended' }
  /** Every owner was told that the watcher is blind, or sees again. */
  | { readonly type: 'blind'; readonly isBlind: boolean }
  /** A delivery ended: `later` is tried again. */
  | { readonly type: 'delivery'; readonly outcome: 'sent' | 'later' | 'gone' | 'refused' | 'gave-up' }
  /** A mandate was taken up. */
  | { readonly type: 'mandate'; readonly change: 'new' | 'replaced' | 'withdrawn' | 'ended' };
