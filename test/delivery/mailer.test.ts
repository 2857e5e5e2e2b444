import { afterEach, describe, expect, it } from 'vitest';
import { smtpMailer } from '../../src/delivery/mailer.ts';
import { startMailServer, type TestMailServer } from '../support/mail-server.ts';

const ADDRESS = 'jos\u00e9@example.com';
let mail: TestMailServer;
const ends: (string | undefined)[] = [];
afterEach(async () => {
  ends.length = 0;
  await mail.close();
});

function mailer() {
  const smtp = { host: '127.0.0.1', port: mail.port, tls: false, user: undefined, password: undefined };
  return smtpMailer({ smtp, from: 'keys@example.com', subject: 'a code' }, (failure) => ends.push(failure));
}

describe('an address outside ASCII', () => {
  it('is said not to be reachable where the mail server lacks SMTPUTF8, each time, and ASCII is', async () => {
    mail = await startMailServer({ hideSMTPUTF8: true });
    const sender = mailer();
    const lacks = expect.objectContaining({
      code: 'unsupported-operation',
      message: expect.stringMatching(/SMTPUTF8.*Next:/) as string,
    }) as unknown;
    for (let i = 0; i < 2; i++) await expect(sender.send({ to: ADDRESS, text: 'x' })).rejects.toEqual(lacks);
    await sender.send({ to: 'jose@example.com', text: 'x' });
    await expect(sender.send({ to: ADDRESS, text: 'x' })).rejects.toEqual(lacks);
    sender.close();
    expect(mail.mails.map(({ to }) => to)).toEqual([['jose@example.com']]);
    // The operator is told, too, and no address.
    expect(ends).toEqual(['no SMTPUTF8', 'no SMTPUTF8', undefined, 'no SMTPUTF8']);
  });

  it('gets its mail where the mail server has SMTPUTF8; an unknown one is still told from nothing', async () => {
    mail = await startMailServer();
    const sender = mailer();
    await sender.send({ to: ADDRESS, text: 'x' });
    await sender.send({ to: `jos\u00e9@${mail.unknownDomain}`, text: 'x' });
    sender.close();
    expect(mail.mails.map(({ to }) => to)).toEqual([[ADDRESS]]);
  });

  it('waits for a mail server that is away', async () => {
    mail = await startMailServer();
    const sender = mailer();
    await mail.close();
    await expect(sender.send({ to: ADDRESS, text: 'x' })).rejects.toMatchObject({ code: 'mail-unavailable' });
    sender.close();
  });
});
