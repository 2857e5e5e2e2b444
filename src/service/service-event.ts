import type { ErrorCode } from '../core/error-codes.ts';

/** An event for metrics, logs and alarms. It never holds secrets or identities. */
export type ServiceEvent =
  /** One append was committed. */
  | {
      readonly type: 'appended';
      readonly size: number;
      readonly entries: number;
      readonly changes: number;
      readonly rejected: number;
      readonly milliseconds: number;
    }
  /** A size was signed and released. */
  | { readonly type: 'released'; readonly size: number; readonly timestampMs: number }
  /** The log's auditor served a newer head. */
  | { readonly type: 'audited'; readonly size: number; readonly timestampMs: number }
  /** The log's auditor served no head, or one that was refused; it is asked again. */
  | { readonly type: 'auditor-failed'; readonly error: unknown }
  /** A witness was asked to cosign. `outcome` is one of a few words, `detail` is for people. */
  | {
      readonly type: 'witness';
      /** Its names inside the policy. */
      readonly witness: string;
      readonly outcome: string;
      readonly detail: string | undefined;
      readonly milliseconds: number;
    }
  /** A file or a witness has seen another log than the database holds. Signing stops, reads go on. */
  | { readonly type: 'rolled-back'; readonly error: unknown }
  /** The sequencer could not append; it retries. */
  | { readonly type: 'sequencing-failed'; readonly error: unknown }
  /** This process became the log's writer, or stopped being it. */
  | { readonly type: 'writer'; readonly holds: boolean }
  /** The stored log contradicts itself. Signing stops, reads go on. Must never happen. */
  | { readonly type: 'self-check-failed'; readonly error: unknown }
  /** Expired versions of the prefix tree were deleted: tiles that entries below `position` replaced. */
  | { readonly type: 'pruned'; readonly position: number; readonly tiles: number }
  /** Pruning failed; it is retried. */
  | { readonly type: 'pruning-failed'; readonly error: unknown }
  /** A certificate was signed. */
  | { readonly type: 'signed' }
  /** A request to issue or revoke ended. */
  | {
      readonly type: 'request';
      readonly kind: 'certificate' | 'revocation' | 'challenge' | 'recovery' | 'veto';
      readonly code: ErrorCode | 'ok';
      readonly milliseconds: number;
    }
  /** The server verified one of its own answers. `error` must stay undefined. */
  | { readonly type: 'self-verified'; readonly error: unknown }
  /** An unfinished intent was closed. */
  | { readonly type: 'intent-closed'; readonly signed: boolean }
  /**
   * Another server was asked: the auditor, the mail server, an OpenID provider or the webhook. `error` is undefined if
   * it answered. Failures of the auditor and of mails have events of their own.
   */
  | { readonly type: 'asked'; readonly server: string; readonly error: unknown }
  /** A mail could not be sent. The reason holds no address. */
  | { readonly type: 'mail-failed'; readonly reason: string }
  /** A recovery could not be completed, or its owner could not be notified; it is retried. */
  | { readonly type: 'recovery-failed'; readonly error: unknown }
  /** A notice to an owner's address was tried. `outcome` is one of a few words; nothing says whose it was. */
  | { readonly type: 'notice'; readonly channel: 'mail' | 'webhook' | 'push'; readonly outcome: string }
  /** A name's notices could not be looked after; that is retried. */
  | { readonly type: 'notify-failed'; readonly error: unknown }
  /** A row of this table that would have authorised something has no valid seal, and was refused. */
  | { readonly type: 'unsealed-row'; readonly table: string }
  /** A round over all recoveries ended without a failure. */
  | { readonly type: 'recoveries-tended' }
  /** The sequencer refused a submission. */
  | { readonly type: 'rejected'; readonly code: ErrorCode };

/** Takes events; must neither throw nor block. */
export type Observer = (event: ServiceEvent) => void;
