import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCsr } from '../../src/client/csr.ts';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import type { EmailChallengeAnswer } from '../../src/contract/bodies.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { DEFAULT_SUBJECT, DEFAULT_TEXT, type EmailSettings } from '../../src/service/evidence/email/email-settings.ts';
import { DEFAULT_EVIDENCE } from '../../src/service/evidence/evidence-settings.ts';
import { startMailServer, type TestMailServer } from '../support/mail-server.ts';
import { identityOf } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const MINUTE_MS = 60_000;
let mail: TestMailServer;
let server: TestServer;
beforeAll(async () => {
  mail = await startMailServer();
  const email: EmailSettings = {
    smtp: { host: '127.0.0.1', port: mail.port, tls: false, user: undefined, password: undefined },
    from: 'keys@example.com',
    subject: DEFAULT_SUBJECT,
    text: DEFAULT_TEXT,
    codeLifetimeMs: 4 * MINUTE_MS,
    attempts: 3,
    codesPerIdentity: 3,
  };
  const policy = [
    { identities: 'email', domains: undefined, evidence: ['email', 'application'] },
    { identities: 'acct', domains: undefined, evidence: ['email'] },
  ] as const;
  server = await createTestServer({ evidence: { ...DEFAULT_EVIDENCE, policy, email } });
});
afterAll(async () => {
  await server.close();
  await mail.close();
});

let key: ClientKey;
beforeEach(async () => {
  key = await generateKey();
});
afterEach(() => mail.repair());

interface Answer<T> {
  readonly status: number;
  readonly body: T & { readonly code?: string };
}

async function post<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answer<T>['body'] };
}

async function ask(identity: string, by = key): Promise<Answer<EmailChallengeAnswer>> {
  return post(PATHS.emailChallenges, { identity, csr: await createCsr(identityOf(identity), by) });
}

async function answer(identity: string, challenge: string, code: string, by = key): Promise<Answer<object>> {
  const csr = await createCsr(identityOf(identity), by);
  return post(PATHS.certificates, { identity, csr, evidence: { type: 'email', challenge, code } });
}

const refused = { status: 401, body: { code: 'code-refused' } };

describe('an e-mail challenge', () => {
  it('registers the address with the key that asked, and shows every contact how', async () => {
    const client = await server.client();
    const { challenge, expiresInSeconds } = await client.requestEmailCode('Alice@Example.com', { key });
    expect(expiresInSeconds).toBe(240);
    const code = mail.lastCode();
    expect(mail.mails.at(-1)).toMatchObject({ from: 'keys@example.com', to: ['alice@example.com'] });
    expect(mail.mails.at(-1)?.raw).toContain('4 minutes');
    // People type as they like.
    const typed = code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l');
    await client.register('alice@example.com', { email: { challenge, code: typed }, key });
    const found = await (await server.client()).lookup('alice@example.com');
    expect(found.found && found.binding).toMatchObject({ link: 'initial', claimed: { evidence: { type: 'email' } } });
  });

  it('is of no use for another key or another name', async () => {
    const { challenge } = (await ask('bob@example.com')).body;
    const code = mail.lastCode();
    expect(await answer('bob@example.com', challenge, code, await generateKey())).toMatchObject(refused);
    expect(await answer('mallory@example.com', challenge, code)).toMatchObject(refused);
    expect((await answer('bob@example.com', challenge, code)).status).toBe(201);
  });

  it('gives a lost answer again, and binds no second key to the name', async () => {
    const { challenge } = (await ask('carol@example.com')).body;
    const code = mail.lastCode();
    const csr = await createCsr(identityOf('carol@example.com'), key);
    const body = { identity: 'carol@example.com', csr, evidence: { type: 'email', challenge, code } };
    const first = await post<{ certificate: string }>(PATHS.certificates, body);
    const again = await post<{ certificate: string }>(PATHS.certificates, body);
    expect([first.status, again.status, again.body.certificate]).toEqual([201, 201, first.body.certificate]);
    const second = await generateKey();
    const other = (await ask('carol@example.com', second)).body.challenge;
    const taken = await answer('carol@example.com', other, mail.lastCode(), second);
    expect(taken).toMatchObject({ status: 409, body: { code: 'change-required' } });
  });

  it('can be tried a few times only, also at once', async () => {
    const { challenge } = (await ask('dave@example.com')).body;
    const code = mail.lastCode();
    const wrong = code.replace(/^./, (letter) => (letter === '7' ? '8' : '7'));
    const tries = await Promise.all([1, 2, 3, 4, 5].map(() => answer('dave@example.com', challenge, wrong)));
    for (const one of tries) expect(one).toMatchObject(refused);
    expect(await answer('dave@example.com', challenge, code)).toMatchObject(refused);
  });

  it('ends, and is told from nothing that never was', async () => {
    const { challenge } = (await ask('erin@example.com')).body;
    const code = mail.lastCode();
    server.log.clock.advance(4 * MINUTE_MS);
    const late = await answer('erin@example.com', challenge, code);
    const never = await answer('erin@example.com', 'A'.repeat(22), code);
    expect(late).toMatchObject(refused);
    expect(never.body).toEqual(late.body);
  });

  it('is stored as a hash alone', async () => {
    const rows: unknown[] = [];
    const { store } = server.log.context;
    const original = store.addEmailChallenge;
    store.addEmailChallenge = (row, limit) => {
      rows.push(row);
      return original(row, limit);
    };
    await ask('frank@example.com');
    store.addEmailChallenge = original;
    const stored = JSON.stringify(rows, (_, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
    );
    expect(rows).toHaveLength(1);
    expect(stored).not.toContain(mail.lastCode());
    expect(stored).not.toContain(mail.lastCode().replaceAll('-', ''));
    expect(stored).not.toContain('frank');
  });
});

describe('asking for a code', () => {
  it('does not tell whether a name is registered: the same answer and work, and the log is not asked', async () => {
    const { token } = server.log;
    await (await server.client()).register('known@example.com', { token, key });
    const { store } = server.log.context;
    const original = store.readLabelAt;
    let lookups = 0;
    store.readLabelAt = (...parameters) => {
      lookups++;
      return original(...parameters);
    };
    const before = mail.mails.length;
    const known = await ask('known@example.com', await generateKey());
    const unknown = await ask('stranger@example.com');
    store.readLabelAt = original;
    expect([known.status, unknown.status]).toEqual([202, 202]);
    expect(Object.keys(known.body)).toEqual(Object.keys(unknown.body));
    expect(known.body.challenge).toHaveLength(unknown.body.challenge.length);
    expect(mail.mails.length - before).toBe(2);
    expect(lookups).toBe(0);
    const wrong = 'AAAA-AAAA-AAAA-AAAA';
    const refusals = [
      await answer('known@example.com', known.body.challenge, wrong, await generateKey()),
      await answer('stranger@example.com', unknown.body.challenge, wrong),
    ];
    expect(refusals[0]?.body).toEqual(refusals[1]?.body);
    expect(refusals[0]).toMatchObject(refused);
  });

  it('does not tell whether a mailbox exists', async () => {
    const { status, body } = await ask(`nobody@${mail.unknownDomain}`);
    expect([status, Object.keys(body)]).toEqual([202, ['challenge', 'expiresInSeconds']]);
    expect(server.log.events.filter(({ type }) => type === 'mail-failed')).toEqual([
      { type: 'mail-failed', reason: 'EENVELOPE RCPT TO 550' },
    ]);
  });

  it('is bounded for each name, whoever asks, and free again later', async () => {
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 5; i++) codes.push((await ask('often@example.com', await generateKey())).body.code);
    expect(codes).toEqual([undefined, undefined, undefined, 'rate-limited', 'rate-limited']);
    expect((await ask('seldom@example.com')).status).toBe(202);
    server.log.clock.advance(61 * MINUTE_MS);
    expect((await ask('often@example.com')).status).toBe(202);
  });

  it('says so when no mail can be sent, counts nothing, and works when it can', async () => {
    mail.breakDown();
    for (let i = 0; i < 4; i++) {
      const down = await ask('grace@example.com');
      expect(down).toMatchObject({ status: 503, body: { code: 'mail-unavailable' } });
    }
    mail.repair();
    expect((await ask('grace@example.com')).status).toBe(202);
  });

  it.each([
    ['another name than the CSR’s', 'heidi@example.com', 'ivan@example.com', 'csr-identity-mismatch'],
    ['what is no address', 'acct:heidi@chat.example', 'acct:heidi@chat.example', 'forbidden'],
  ])('is refused for %s', async (_, name, other, code) => {
    const csr = await createCsr(identityOf(name), key);
    expect((await post(PATHS.emailChallenges, { identity: other, csr })).body).toMatchObject({ code });
  });

  // Mail header injection: a name that would end a header, or add a recipient, is none.
  it.each([
    'a@example.com\r\nBcc: everybody@example.com',
    'a@example.com\nSubject: hello',
    'a@example.com,b@example.com',
    'a@example.com, "b" <b@example.com>',
    '<a@example.com> b@example.com',
    '"a\r\nb"@example.com',
    'a@example.com\u2028Bcc: b@example.com',
    'a@example.com%0d%0aBcc:b@example.com',
    'mailto:a@example.com?bcc=b@example.com',
    'mailto:a%0d%0aBcc:b@example.com',
    'a@[127.0.0.1]',
  ])('sends nothing for %j', async (identity) => {
    const before = mail.mails.length;
    const csr = await createCsr(identityOf('a@example.com'), key);
    expect((await post(PATHS.emailChallenges, { identity, csr })).body).toMatchObject({ code: 'invalid-identity' });
    expect(mail.mails.length).toBe(before);
  });

  it('does not put what is in a name through the template', async () => {
    const { body } = await ask('{code}@example.com').catch(() => ({ body: { code: 'invalid-identity' } }));
    expect(body).toMatchObject({ code: 'invalid-identity' });
  });
});

describe('a server without mail', () => {
  it('says so, and takes no codes', async () => {
    const plain = await createTestServer();
    try {
      const csr = await createCsr(identityOf('a@example.com'), key);
      const send = (path: string, body: object) =>
        fetch(plain.url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ identity: 'a@example.com', csr, ...body }),
        }).then(async (response) => ((await response.json()) as { code: string }).code);
      expect(await send(PATHS.emailChallenges, {})).toBe('unsupported-operation');
      const evidence = { type: 'email', challenge: 'A'.repeat(22), code: 'x' };
      expect(await send(PATHS.certificates, { evidence })).toBe('forbidden');
    } finally {
      await plain.close();
    }
  });
});
