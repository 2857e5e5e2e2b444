import type { MailSettings } from '../../../delivery/mailer.ts';

/** The settings of proofs by mail. */
export interface EmailSettings extends MailSettings {
  readonly subject: string;
  /** The template of a mail: see `mailText`. */
  readonly text: string;
  /** The lifetime of a code, ms; at most {@link COUNTED_MS}. */
  readonly codeLifetimeMs: number;
  /** Attempts per code. */
  readonly attempts: number;
  /** Codes per identity within {@link COUNTED_MS}. */
  readonly codesPerIdentity: number;
}

/** The window of the rate limit on codes, ms. */
export const COUNTED_MS = 3_600_000;

/** The default subject. */
export const DEFAULT_SUBJECT = 'Your code';

/** The default text. */
export const DEFAULT_TEXT = `Somebody, probably you, asks {origin} for a certificate for {identity}.

The code is

    {code}

It is valid for {minutes} minutes, and only on the device that asked for it.
If it was not you, do nothing: nothing happens without the code.
`;
