/** What an auditor tells whoever counts, logs or alarms. */
export type AuditorEvent =
  /** The log holds up to this size; `entries` and `updates` are those that were verified this time. */
  | {
      readonly type: 'verified';
      readonly size: number;
      readonly timestampMs: number;
      readonly entries: number;
      readonly updates: number;
    }
  /** A head of this size is on disk, and handed out. */
  | { readonly type: 'signed'; readonly size: number; readonly timestampMs: number }
  /** So many entries of a log of `total` are verified. */
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  /** The server has the head of this size. */
  | { readonly type: 'delivered'; readonly size: number }
  /** A look at the log, or a delivery, failed; it is tried again. */
  | { readonly type: 'failed'; readonly error: unknown; readonly isMisbehaviour: boolean }
  /** The log misbehaved: nothing is signed any more. */
  | { readonly type: 'halted' };
