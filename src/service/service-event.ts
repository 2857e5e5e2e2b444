import type { ErrorCode } from '../core/error-codes.ts';

/** What the service tells whoever counts, logs or alarms. Never holds secrets or identities. */
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
  /** The log's auditor gave a head that is newer than those before. */
  | { readonly type: 'audited'; readonly size: number; readonly timestampMs: number }
  /** The log's auditor did not give its newest head, or one that is not to be had; it is asked again. */
  | { readonly type: 'auditor-failed'; readonly error: unknown }
  /** A witness was asked to cosign, and this became of it: `outcome` is one of few words, `detail` for people. */
  | {
      readonly type: 'witness';
      /** Its names inside the policy. */
      readonly witness: string;
      readonly outcome: string;
      readonly detail: string | undefined;
      readonly milliseconds: number;
    }
  /** A file or a witness has seen another log than the database holds: nothing is signed any more, reads go on. */
  | { readonly type: 'rolled-back'; readonly error: unknown }
  /** The sequencer could not append; it tries again. */
  | { readonly type: 'sequencing-failed'; readonly error: unknown }
  /** This process became the log's writer, or no longer is. */
  | { readonly type: 'writer'; readonly holds: boolean }
  /** What the log stores contradicts itself: nothing is signed any more, reads go on. Must never happen. */
  | { readonly type: 'self-check-failed'; readonly error: unknown }
  /** Expired versions of the prefix tree were dropped: what entries below `position` replaced is gone. */
  | { readonly type: 'pruned'; readonly position: number; readonly tiles: number }
  /** Pruning failed; it is tried again. */
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
  /** An intent that nobody finished was closed. */
  | { readonly type: 'intent-closed'; readonly signed: boolean }
  /** A mail could not be sent; the reason holds no address. */
  | { readonly type: 'mail-failed'; readonly reason: string }
  /** A recovery could not be completed, or its owner not be told; it is tried again. */
  | { readonly type: 'recovery-failed'; readonly error: unknown }
  /** A submission was refused by the sequencer. */
  | { readonly type: 'rejected'; readonly code: ErrorCode };

/** Takes events; must neither throw nor block. */
export type Observer = (event: ServiceEvent) => void;
