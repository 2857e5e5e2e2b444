import { createTransport } from 'nodemailer';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { withDeadline } from '../core/net/with-deadline.ts';

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

/** The mail server, and the sender whom people see. */
export interface MailSettings {
  readonly smtp: SmtpSettings;
  readonly from: string;
  /** The subject of a mail that names none. */
  readonly subject?: string | undefined;
}

/** One mail. */
export interface Mail {
  /** A canonical address. It holds no character that could end a header. */
  readonly to: string;
  /** Default: the subject in the settings. */
  readonly subject?: string | undefined;
  readonly text: string;
  /** Of the form `<…@…>`. Default: the SMTP library makes one. */
  readonly messageId?: string | undefined;
  /** The value of Auto-Submitted (RFC 3834). Default: no such header. */
  readonly autoSubmitted?: string | undefined;
}

/** Sends mail. */
export interface Mailer {
  /**
   * Hands a mail to the SMTP server. `unknown-recipient`: the server refuses this address for good. Nobody outside may
   * learn that, or strangers could probe for addresses. Throws `mail-unavailable`, and `unsupported-operation` for an
   * address outside ASCII if the server takes none.
   */
  send(mail: Mail): Promise<'taken' | 'unknown-recipient'>;
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
  { smtp, from, subject = '' }: MailSettings,
  onEnd: (failure: string | undefined) => void,
): Mailer {
  const { host, port, tls, user, password } = smtp;
  const greetings = new Greetings();
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
    transactionLog: true,
    logger: greetings.logger,
  });
  return {
    async send({ to, text, subject: own, messageId, autoSubmitted }) {
      try {
        if (isOutsideAscii(to)) await assertInternational(transport, greetings);
        // An address passed as an object is not parsed, so a comma cannot split it into two recipients.
        const recipient = { name: '', address: to };
        const mail = {
          from,
          to: recipient,
          subject: own ?? subject,
          text,
          xMailer: false,
          ...headersOf(messageId, autoSubmitted),
        } as const;
        await withDeadline({ timeoutMs: MAIL_TIMEOUT_MS }, tooSlow, (signal) =>
          transport.sendMail({ ...mail, signal }),
        );
        onEnd(undefined);
        return 'taken';
      } catch (cause) {
        const reason = isGlasskeyError(cause) ? NO_SMTPUTF8 : reasonOf(cause);
        onEnd(reason);
        if (isGlasskeyError(cause)) throw cause;
        if (isUnknownRecipient(cause)) return 'unknown-recipient';
        const options = { cause: new Error(reason), retryAfterSeconds: RETRY_AFTER_SECONDS };
        throw new GlasskeyError('mail-unavailable', 'the mail server is unavailable: try again later', options);
      }
    },
    close: () => transport.close(),
  };
}

function headersOf(messageId: string | undefined, autoSubmitted: string | undefined) {
  return {
    ...(messageId !== undefined && { messageId }),
    ...(autoSubmitted !== undefined && { headers: { 'Auto-Submitted': autoSubmitted } }),
  };
}

const NO_SMTPUTF8 = 'no SMTPUTF8';

function isOutsideAscii(address: string): boolean {
  return /[\u0080-\u{10ffff}]/u.test(address);
}

/**
 * Throws `unsupported-operation` unless the SMTP server takes addresses outside ASCII. Others refuse them like unknown
 * mailboxes, or lose the mail, and nobody would learn that no code can ever come.
 */
async function assertInternational(transport: { verify(): Promise<unknown> }, greetings: Greetings): Promise<void> {
  if (greetings.takesUtf8 !== true)
    await withDeadline({ timeoutMs: MAIL_TIMEOUT_MS }, tooSlow, () => transport.verify());
  const message =
    "this service's mail server takes no address outside ASCII: it lacks SMTPUTF8 (RFC 6531). Next: prove the name in " +
    'another way, or ask the operator';
  ensure(greetings.takesUtf8 === true, 'unsupported-operation', message);
}

/** Learns from the SMTP server's answers to EHLO whether it offers SMTPUTF8. */
class Greetings {
  /** Sessions whose next answer is one to EHLO. */
  readonly #greeted = new Set<unknown>();
  /** The newest answer; undefined before the first one. */
  takesUtf8: boolean | undefined;

  /** A logger of SMTP transactions that keeps nothing else: they hold addresses. */
  get logger() {
    const ignore = (): void => undefined;
    const debug = (entry: unknown, text: unknown): void => this.#note(entry as LoggedLine, String(text));
    return { level: ignore, trace: ignore, debug, info: ignore, warn: ignore, error: ignore, fatal: ignore };
  }

  #note({ tnx, sid }: LoggedLine, text: string): void {
    if (tnx === 'client') {
      if (/^(EHLO|HELO|LHLO) /i.test(text)) this.#greeted.add(sid);
    } else if (tnx === 'server' && this.#greeted.delete(sid)) {
      this.takesUtf8 = /^250[ -]SMTPUTF8\b/im.test(text);
    }
  }
}

interface LoggedLine {
  readonly tnx?: unknown;
  readonly sid?: unknown;
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
