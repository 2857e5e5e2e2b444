/** An SMTP server. */
export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /**
   * True for TLS from the first byte on; false for STARTTLS, which is required unless the server is on this machine.
   */
  readonly tls: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** The settings of proofs by mail. */
export interface EmailSettings {
  readonly smtp: SmtpSettings;
  readonly from: string;
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
