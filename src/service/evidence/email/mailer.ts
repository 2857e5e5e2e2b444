import { createTransport } from 'nodemailer';
import { GlasskeyError } from '../../../core/errors.ts';
import { withDeadline } from '../../../core/net/with-deadline.ts';
import type { EmailSettings } from './email-settings.ts';

/** One mail. */
export interface Mail {
  /** A canonical address. It holds no character that could end a header. */
  readonly to: string;
  /** Default: the subject in the settings. */
  readonly subject?: string | undefined;
  readonly text: string;
}

/** Sends mail. */
export interface Mailer {
  /**
   * Hands a mail to the SMTP server. An address that the server refuses counts as sent, so that the caller cannot probe
   * for addresses. Throws `mail-unavailable`.
   */
  send(mail: Mail): Promise<void>;
  close(): void;
}

const CONNECTION_TIMEOUT_MS = 5_000;
const SOCKET_TIMEOUT_MS = 10_000;
/** Longest time for one mail, ms: a server that trickles its replies is never silent for long enough. */
const MAIL_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 4;
/** The delay advised to clients, s. */
const RETRY_AFTER_SECONDS = 60;
const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '::1'];

/**
 * Sends through an SMTP server over pooled connections. `onEnd` is called for each mail, with a code without the
 * address if it failed.
 */
export function smtpMailer(
  { smtp, from, subject }: Pick<EmailSettings, 'smtp' | 'from' | 'subject'>,
  onEnd: (failure: string | undefined) => void,
): Mailer {
  const { host, port, tls, user, password } = smtp;
  const transport = createTransport({
    pool: true,
    maxConnections: MAX_CONNECTIONS,
    host,
    port,
    secure: tls,
    requireTLS: !tls && !LOOPBACK.includes(host),
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    greetingTimeout: CONNECTION_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ to, text, subject: own }) {
      try {
        // An address passed as an object is not parsed, so a comma cannot split it into two recipients.
        const recipient = { name: '', address: to };
        const mail = { from, to: recipient, subject: own ?? subject, text, xMailer: false } as const;
        await withDeadline({ timeoutMs: MAIL_TIMEOUT_MS }, tooSlow, (signal) =>
          transport.sendMail({ ...mail, signal }),
        );
        onEnd(undefined);
      } catch (cause) {
        const reason = reasonOf(cause);
        onEnd(reason);
        if (isUnknownRecipient(cause)) return;
        const options = { cause: new Error(reason), retryAfterSeconds: RETRY_AFTER_SECONDS };
        throw new GlasskeyError('mail-unavailable', 'the mail server is unavailable: try again later', options);
      }
    },
    close: () => transport.close(),
  };
}

interface SmtpFailure {
  readonly code?: unknown;
  readonly command?: unknown;
  readonly responseCode?: unknown;
}

/** Returns true if the server permanently refused this address. */
function isUnknownRecipient(error: unknown): boolean {
  const { command, responseCode } = error as SmtpFailure;
  return command === 'RCPT TO' && typeof responseCode === 'number' && responseCode >= 500;
}

/** Returns the error for a mail that takes too long. */
function tooSlow(): Error {
  return Object.assign(new Error('the mail server is too slow'), { code: 'ETIMEDOUT' });
}

/** Returns the codes of a failure, without its message, which may hold the address. */
function reasonOf(error: unknown): string {
  const { code, command, responseCode } = error as SmtpFailure;
  const isPlain = (part: unknown) => typeof part === 'string' || typeof part === 'number';
  return [code, command, responseCode].filter(isPlain).join(' ');
}
