import { vi } from 'vitest';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import type { NotifySettings } from '../../src/service/notify/notify-settings.ts';
import { startMailServer, type TestMailServer } from './mail-server.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { createTestServer, type TestServer, type TestServerOptions } from './test-server.ts';
import { TLS_PAIR } from './tls-pair.ts';

/** A server that tells owners, with a real mail server, and a real receiver for webhooks and pushes. */
export interface NotifyWorld {
  readonly server: TestServer;
  readonly mail: TestMailServer;
  readonly receiver: Receiver;
  readonly settings: NotifySettings;
  /** The URL of the receiver, as an owner gives it. */
  hook(path?: string): string;
  /** Lets the server look for what is due. */
  tend(): Promise<void>;
  /** Registers a name. */
  owner(text: string): Promise<{ readonly directory: KeyDirectory; readonly key: ClientKey }>;
  /** Adds a mail address to a name, and confirms it. Returns its id. */
  addMail(text: string, address: string, key: ClientKey): Promise<string>;
  /** Mails to an address whose text has these words. */
  mailsTo(address: string, words: string): readonly string[];
  close(): Promise<void>;
}

/** Starts everything. The receiver answers a challenge with its code until told otherwise. */
export async function notifyWorld(options: TestServerOptions = {}): Promise<NotifyWorld> {
  const [mail, receiver] = await Promise.all([startMailServer(), startReceiver()]);
  receiver.answer = (response, { body }) => response.end(challengeIn(body) ?? 'ok');
  const smtp = { host: '127.0.0.1', port: mail.port, tls: false, user: undefined, password: undefined };
  const settings: NotifySettings = {
    mail: { smtp, from: 'keys@example.com' },
    pushContact: 'mailto:operator@example.com',
    link: 'https://help.example/notices',
    egress: {
      allowPrivate: ['127.0.0.1/32'],
      ports: [receiver.port],
      ca: TLS_PAIR.certificate,
      timeoutMs: 3_000,
    },
  };
  const resolve = (): Promise<string[]> => Promise.resolve(['127.0.0.1']);
  const server = await createTestServer({ ...options, notify: { settings, resolve } });
  const directory = await server.client();
  const mailsTo = (address: string, words: string): readonly string[] =>
    mail.mails
      .filter(({ to }) => to.includes(address))
      .flatMap(({ raw }) => (plain(raw).includes(words) ? [plain(raw)] : []));
  return {
    server,
    mail,
    receiver,
    settings,
    hook: (path = '/hook') => `https://keys.example:${receiver.port}${path}`,
    tend: () => server.log.service.notifications.keeper.tend(),
    async owner(text) {
      // A test may have moved the clock: then the log shows by an entry that it has not stood still.
      await vi.waitFor(async () => (await server.client()).lookup(text), 20_000);
      const [own, key] = [await server.client(), await generateKey()];
      await own.register(text, { token: server.log.token, key });
      return { directory: own, key };
    },
    async addMail(text, address, key) {
      server.log.clock.advance(1);
      const { added = '' } = await directory.notices(text, key, { add: `mailto:${address}` });
      await directory.confirmNotices(text, added, mail.lastCode());
      return added;
    },
    mailsTo,
    async close() {
      await server.close();
      await Promise.all([mail.close(), receiver.close()]);
    },
  };
}

/** The code of a challenge that a webhook gets; undefined for another notice. */
export function challengeIn(body: Buffer): string | undefined {
  try {
    return (JSON.parse(body.toString()) as { event?: { challenge?: string } }).event?.challenge;
  } catch {
    return undefined;
  }
}

/** Undoes quoted-printable, as far as these mails use it. */
function plain(raw: string): string {
  return raw
    .replaceAll(/=\r\n/g, '')
    .replaceAll(/(?:=[0-9A-F]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('=', ''), 'hex').toString());
}
