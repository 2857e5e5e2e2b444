import { createTransport } from 'nodemailer';
import { GlasskeyError } from '../../../core/errors.ts';
import type { EmailSettings } from './email-settings.ts';

/** One mail. */
export interface Mail {
  /** A canonical address, which holds nothing that ends a header. */
  readonly to: string;
  /** Default: the one of the settings. */
  readonly subject?: string | undefined;
  readonly text: string;
}

/** Sends mail. */
export interface Mailer {
  /**
   * Hands a mail to the server. An address that the server does not know is not told from one that it knows. Throws
   * `mail-unavailable`.
   */
  send(mail: Mail): Promise<void>;
  close(): void;
}

const CONNECTION_TIMEOUT_MS = 5_000;
const SOCKET_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 4;
/** Advice to clients, s. */
const RETRY_AFTER_SECONDS = 60;
const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '::1'];

/** Sends through an SMTP server, over a few connections that are kept. `onFailure` is told a code, without any address. */
export function smtpMailer(
  { smtp, from, subject }: Pick<EmailSettings, 'smtp' | 'from' | 'subject'>,
  onFailure: (reason: string) => void,
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
        // An address as an object is never parsed: no comma in it makes two of it.
        await transport.sendMail({
          from,
          to: { name: '', address: to },
          subject: own ?? subject,
          text,
          xMailer: false,
        });
      } catch (cause) {
        const reason = reasonOf(cause);
        onFailure(reason);
        if (isUnknownRecipient(cause)) return;
        const options = { cause: new Error(reason), retryAfterSeconds: RETRY_AFTER_SECONDS };
        throw new GlasskeyError('mail-unavailable', 'no mail can be sent at this moment', options);
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

/** Whether the server refused this one address for good. */
function isUnknownRecipient(error: unknown): boolean {
  const { command, responseCode } = error as SmtpFailure;
  return command === 'RCPT TO' && typeof responseCode === 'number' && responseCode >= 500;
}

/** The codes of a failure: its message may hold the address. */
function reasonOf(error: unknown): string {
  const { code, command, responseCode } = error as SmtpFailure;
  const isPlain = (part: unknown) => typeof part === 'string' || typeof part === 'number';
  return [code, command, responseCode].filter(isPlain).join(' ');
}
