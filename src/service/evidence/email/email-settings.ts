/** A server that takes mail. */
export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte on; else STARTTLS, which is demanded unless the server is on this machine. */
  readonly tls: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** How identities are proved by mail. */
export interface EmailSettings {
  readonly smtp: SmtpSettings;
  readonly from: string;
  readonly subject: string;
  /** Text of a mail: see `mailText`. */
  readonly text: string;
  /** How long a code is valid, ms; at most {@link COUNTED_MS}. */
  readonly codeLifetimeMs: number;
  /** How often a code may be tried. */
  readonly attempts: number;
  /** Codes for one identity within {@link COUNTED_MS}. */
  readonly codesPerIdentity: number;
}

/** The time in which codes for one identity are counted, ms. */
export const COUNTED_MS = 3_600_000;

/** The subject where none is configured. */
export const DEFAULT_SUBJECT = 'Your code';

/** The text where none is configured. */
export const DEFAULT_TEXT = `Somebody, probably you, asks {origin} for a certificate for {identity}.

The code is

    {code}

It is valid for {minutes} minutes, and only on the device that asked for it.
If it was not you, do nothing: nothing happens without the code.
`;
