/** An event of an auditor, for metrics, logs and alarms. */
export type AuditorEvent =
  /** The log is verified up to this size. `entries` and `updates` count what this round verified. */
  | {
      readonly type: 'verified';
      readonly size: number;
      readonly timestampMs: number;
      readonly entries: number;
      readonly updates: number;
    }
  /** A signed head of this size is on disk, and served from now on. */
  | { readonly type: 'signed'; readonly size: number; readonly timestampMs: number }
  /** `done` of `total` entries of the log are verified. */
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  /** The log's server accepted the head of this size. */
  | { readonly type: 'delivered'; readonly size: number }
  /** A round or a delivery failed; it is retried. */
  | {
      readonly type: 'failed';
      readonly work: 'audit' | 'delivery';
      readonly error: unknown;
      readonly isMisbehaviour: boolean;
    }
  /** The log misbehaved. The auditor signs nothing more. */
  | { readonly type: 'halted' };
