import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** A mail as the server got it. */
export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body, as they came. */
  readonly raw: string;
  /** The code in it, if there is one. */
  readonly code: string | undefined;
}

/** A real SMTP server on loopback. */
export interface TestMailServer {
  readonly port: number;
  readonly mails: ReceivedMail[];
  /** Refuses recipients of this domain for good. */
  readonly unknownDomain: string;
  /** The code of the last mail. */
  lastCode(): string;
  /** Refuses everything for a while, until {@link repair}. */
  breakDown(): void;
  repair(): void;
  close(): Promise<void>;
}

const UNKNOWN = 'unknown.example';

/** Starts a server; it takes addresses outside ASCII unless `hideSMTPUTF8` is set. */
export async function startMailServer({ hideSMTPUTF8 = false } = {}): Promise<TestMailServer> {
  const mails: ReceivedMail[] = [];
  let isDown = false;
  const failure = (responseCode: number, message: string) => Object.assign(new Error(message), { responseCode });
  const server = new SMTPServer({
    authOptional: true,
    hideSMTPUTF8,
    disabledCommands: ['AUTH', 'STARTTLS'],
    onMailFrom: (_, __, callback) => callback(isDown ? failure(451, 'later') : undefined),
    onRcptTo: ({ address }, _, callback) =>
      callback(address.endsWith(`@${UNKNOWN}`) ? failure(550, `no such user: ${address}`) : undefined),
    onData: (stream, { envelope }, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString();
        const [code] = /^ {4}([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})\r?$/m.exec(raw)?.slice(1) ?? [];
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        mails.push({ from, to: envelope.rcptTo.map(({ address }) => address), raw, code });
        callback();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    unknownDomain: UNKNOWN,
    lastCode: () => {
      const code = mails.at(-1)?.code;
      if (code === undefined) throw new Error('no mail with a code');
      return code;
    },
    breakDown: () => (isDown = true),
    repair: () => (isDown = false),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
