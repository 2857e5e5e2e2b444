import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parsePem } from '../../src/ca/der/pem.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { createCsr } from '../../src/client/csr.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { DEFAULT_EVIDENCE } from '../../src/service/evidence/evidence-settings.ts';
import { type AcmeAnswer, AcmeCaller, base64Url } from '../support/acme-caller.ts';
import { startMailServer, type TestMailServer } from '../support/mail-server.ts';
import { identityOf } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const SECRET = 's'.repeat(32);
const FROM = 'keys@ca.example';
const DKIM = 'v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=k; h=From:To:Subject:In-Reply-To; bh=AA=; b=AA=';
const RESULTS = 'mx.ca.example; dkim=pass (2048-bit key) header.d=example.com header.s=k';

let server: TestServer;
let mailServer: TestMailServer;
let caller: AcmeCaller;
beforeAll(async () => {
  mailServer = await startMailServer();
  const policy = [
    { identities: 'email', domains: ['example.com'], evidence: ['email'] },
    { identities: 'email', domains: ['known.example'], evidence: ['application'] },
  ] as const;
  const email = {
    smtp: { host: '127.0.0.1', port: mailServer.port, tls: false, user: undefined, password: undefined },
    from: FROM,
    subject: 'Your code',
    text: '{code}',
    codeLifetimeMs: 900_000,
    attempts: 5,
    codesPerIdentity: 3,
  };
  server = await createTestServer({
    acme: { from: FROM, mailsPerHour: 3, authservId: 'mx.ca.example', secret: SECRET },
    evidence: { ...DEFAULT_EVIDENCE, policy, email },
  });
  caller = await new AcmeCaller(server).open({ vouches: false });
});
afterAll(async () => {
  await server.close();
  await mailServer.close();
});

/** A pending order, and what its mail and its challenge say. */
interface Pending {
  readonly order: Record<string, unknown>;
  readonly url: string;
  readonly address: string;
  readonly messageId: string;
  readonly mailed: string;
  readonly response: string;
}

let people = 0;
async function ordered(address = `person-${people++}@example.com`, by = caller): Promise<Pending> {
  const { json, headers } = await by.order(address);
  const { raw } = mailServer.mails.at(-1)!;
  const [, mailed = ''] = /^Subject: ACME: (\S+)\r$/m.exec(raw) ?? [];
  const [, messageId = ''] = /^Message-ID: (\S+)\r$/m.exec(raw) ?? [];
  const challenge = await challengeOf(json, by);
  const { crv, kty, x, y } = by.key.jwk as Record<string, string>;
  const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  const authorization = `${mailed}${String(challenge['token'])}.${thumbprint}`;
  const response = createHash('sha256').update(authorization).digest('base64url');
  return { order: json, url: headers.get('location')!, address, messageId, mailed, response };
}

async function challengeOf(order: Record<string, unknown>, by = caller): Promise<Record<string, unknown>> {
  const { json } = await by.post((order['authorizations'] as string[])[0]!);
  return (json['challenges'] as Record<string, unknown>[])[0]!;
}

/** The reply to a challenge: `changes` replace headers, and null takes one out. */
function reply(pending: Pending, changes: Record<string, string | null> = {}, body = text(pending.response)): string {
  const headers = {
    'Return-Path': `<${pending.address}>`,
    'Authentication-Results': RESULTS,
    'DKIM-Signature': DKIM,
    From: `"A person" <${pending.address}>`,
    To: FROM,
    Subject: `Re: ACME:\r\n ${pending.mailed}`,
    'In-Reply-To': pending.messageId,
    ...changes,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]));
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

const text = (response: string): string =>
  `Hello\r\n-----BEGIN ACME RESPONSE-----\r\n${response.slice(0, 20)}\r\n${response.slice(20)}\r\n-----END ACME RESPONSE-----\r\n`;

async function handOver(mail: string | Uint8Array, secret = SECRET): Promise<string | number> {
  const response = await fetch(server.url + PATHS.acmeMail, {
    method: 'POST',
    headers: { 'content-type': 'message/rfc822', authorization: `Bearer ${secret}` },
    body: typeof mail === 'string' ? mail : new Uint8Array(mail),
  });
  const body = await response.text();
  return body === '' ? response.status : (JSON.parse(body) as { code: string }).code;
}

const stateOf = async ({ url }: Pending): Promise<unknown> => (await caller.post(url)).json['status'];

async function finalize({ order, address }: Pending): Promise<AcmeAnswer> {
  const der = parsePem('CERTIFICATE REQUEST', await createCsr(identityOf(address), await generateKey()));
  return caller.post(String(order['finalize']), { csr: Buffer.from(der).toString('base64url') });
}

describe('an address that mails prove', () => {
  it('gets a mail, answers it, and has a certificate whose record says so', async () => {
    const pending = await ordered('alice@example.com');
    const { raw, to } = mailServer.mails.at(-1)!;
    expect(to).toEqual(['alice@example.com']);
    expect(raw).toMatch(/^Auto-Submitted: auto-generated; type=acme\r$/m);
    expect(pending.mailed).toMatch(/^[A-Za-z0-9_-]{22}$/);
    const challenge = await challengeOf(pending.order);
    expect(challenge).toMatchObject({ type: 'email-reply-00', status: 'pending', from: FROM });
    expect(raw).not.toContain(challenge['token']);
    expect((await caller.post(String(challenge['url']), {})).json).toEqual(challenge);
    expect((await finalize(pending)).outcome).toBe('orderNotReady');
    expect(await handOver(reply(pending))).toBe(204);
    expect(await stateOf(pending)).toBe('ready');
    expect(await challengeOf(pending.order)).toMatchObject({
      status: 'valid',
      validated: expect.any(String) as string,
    });
    expect(await handOver(reply(pending))).toBe('not-found');
    expect((await finalize(pending)).json['status']).toBe('valid');
    const found = await (await server.client()).lookup('alice@example.com');
    expect(found.found && found.binding.claimed).toEqual({ type: 'initial', evidence: { type: 'email' } });
  });

  it('is proved anew for each order, and a name that has a key gets no other one', async () => {
    const pending = await ordered('alice@example.com');
    expect(await handOver(reply(pending))).toBe(204);
    const { outcome, json } = await finalize(pending);
    expect([outcome, json['code']]).toEqual(['rejectedIdentifier', 'change-required']);
  });

  it('may be answered in several parts, encoded, by what people use to write mails', async () => {
    const whole = (pending: Pending) => text(pending.response);
    const cases: ((pending: Pending) => string)[] = [
      (one) =>
        reply(
          one,
          { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Transfer-Encoding': 'base64' },
          Buffer.from(whole(one)).toString('base64'),
        ),
      (one) =>
        reply(
          one,
          { 'Content-Type': 'text/plain', 'Content-Transfer-Encoding': 'quoted-printable' },
          whole(one).replaceAll('BEGIN', 'BEG=\r\nIN').replaceAll('Hello', 'H=65llo'),
        ),
      (one) =>
        reply(
          one,
          { 'Content-Type': 'multipart/alternative; boundary="b"' },
          `--b\r\nContent-Type: text/plain\r\n\r\n${whole(one)}\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\r\n`,
        ),
      (one) => reply(one).replaceAll('\r\n', '\n'),
    ];
    for (const write of cases) expect(await handOver(write(await ordered()))).toBe(204);
  });

  it('gets so many mails in an hour', async () => {
    const outcomes: (string | number)[] = [];
    for (let i = 0; i < 4; i++) outcomes.push((await caller.order('flooded@example.com')).outcome);
    expect(outcomes).toEqual([201, 201, 201, 'rateLimited']);
    expect(mailServer.mails.filter(({ to }) => to[0] === 'flooded@example.com')).toHaveLength(3);
  });

  it('has no order where the mail server takes no mail', async () => {
    mailServer.breakDown();
    try {
      expect((await caller.order('later@example.com')).status).toBe(503);
    } finally {
      mailServer.repair();
    }
  });

  it('is one that the policy leaves to mails: others are vouched for, or refused', async () => {
    expect((await caller.order('bob@known.example')).outcome).toBe('unauthorized');
    const vouched = await new AcmeCaller(server).open();
    expect((await vouched.order('bob@known.example')).json['status']).toBe('ready');
    expect((await vouched.order('carol@example.com')).json['status']).toBe('pending');
  });
});

describe('a reply is refused', () => {
  let pending: Pending;
  beforeEach(async () => {
    pending = await ordered();
  });

  it('from whoever is not the mail server', async () => {
    expect(await handOver(reply(pending), 'x'.repeat(32))).toBe('unauthenticated');
    expect(await stateOf(pending)).toBe('pending');
  });

  it('without a signature of its sender’s domain that the mail server has verified, and covers what counts', async () => {
    const cases: readonly Record<string, string | null>[] = [
      { 'Authentication-Results': null },
      { 'Authentication-Results': 'mx.other.example; dkim=pass header.d=example.com' },
      { 'Authentication-Results': 'mx.ca.example; dkim=fail header.d=example.com' },
      { 'Authentication-Results': 'mx.ca.example; spf=pass smtp.mailfrom=example.com' },
      { 'Authentication-Results': 'mx.ca.example; dkim=pass header.d=evil.example' },
      { 'Authentication-Results': 'mx.ca.example; dkim=pass header.d=evil.example (header.d=example.com)' },
      { 'Authentication-Results': 'mx.ca.example; dkim=fail reason="x; dkim=pass header.d=example.com"' },
      { 'Authentication-Results': 'mx.ca.example; dkim=fail (x; dkim=pass header.d=example.com' },
      { 'Authentication-Results': 'mx.ca.example; dkim=passed header.d=example.com' },
      {
        'Authentication-Results':
          'mx.ca.example; dkim=pass header.i=x header.d=example.com @evil.example header.d=evil.example',
      },
      { 'DKIM-Signature': null },
      { 'DKIM-Signature': DKIM.replace('d=example.com', 'd=evil.example') },
      { 'DKIM-Signature': DKIM.replace(':In-Reply-To', '') },
      { 'DKIM-Signature': DKIM.replace('From:', '') },
      { 'DKIM-Signature': `${DKIM}; l=10` },
      { 'DKIM-Signature': `${DKIM}; h=From` },
    ];
    for (const changes of cases)
      expect([changes, await handOver(reply(pending, changes))]).toEqual([changes, 'code-refused']);
    // What another server wrote further down does not count.
    const planted = reply(pending, { 'Authentication-Results': 'mx.other.example; none' });
    expect(await handOver(planted.replace('\r\nFrom:', `\r\nAuthentication-Results: ${RESULTS}\r\nFrom:`))).toBe(
      'code-refused',
    );
    expect(await stateOf(pending)).toBe('pending');
  });

  it('from another address, to another one, with another subject or over a list', async () => {
    const cases: readonly Record<string, string>[] = [
      { From: 'mallory@example.com' },
      { From: `${pending.address}.evil.example` },
      { To: 'other@ca.example' },
      { Subject: 'Re: ACME: AAAAAAAAAAAAAAAAAAAAAA' },
      { 'List-Id': 'people.example.com' },
    ];
    for (const changes of cases)
      expect([changes, await handOver(reply(pending, changes))]).toEqual([changes, 'code-refused']);
    for (const From of [
      `${pending.address}, mallory@example.com`,
      `mallory@example.com <${pending.address}>`,
      'nobody',
    ])
      expect([From, await handOver(reply(pending, { From }))]).toEqual([From, 'invalid-request']);
    const twice = reply(pending).replace('To:', `From: mallory@example.com\r\nTo:`);
    expect(await handOver(twice)).toBe('invalid-request');
    expect(await stateOf(pending)).toBe('pending');
  });

  it('by an automatic responder, which repeats what it was sent', async () => {
    for (const changes of [
      { 'Auto-Submitted': 'auto-replied (vacation)' },
      { 'Auto-Submitted': 'Auto-Notified; owner-email=x' },
      { Precedence: 'bulk' },
    ])
      expect([changes, await handOver(reply(pending, changes))]).toEqual([changes, 'code-refused']);
    expect(await stateOf(pending)).toBe('pending');
    // The program of an account may say that it is a program.
    expect(await handOver(reply(pending, { 'Auto-Submitted': 'auto-generated' }))).toBe(204);
  });

  it('with a header of any length, without holding up the server', async () => {
    const spaces = ' '.repeat(60_000);
    const froms = [`a${spaces}b`, `"a"${spaces}b`, `${'a '.repeat(30_000)}@`, `<${'a'.repeat(60_000)}`];
    const start = performance.now();
    for (const From of froms) expect(await handOver(reply(pending, { From }))).toBe('invalid-request');
    expect(performance.now() - start).toBeLessThan(3_000);
  });

  it('with the response of another account or another order, however its order is named', async () => {
    const mallory = await new AcmeCaller(server).open({ vouches: false });
    const hers = await ordered(pending.address, mallory);
    expect(await handOver(reply(pending, {}, text(hers.response)))).toBe('code-refused');
    expect(await handOver(reply({ ...pending, response: base64Url('A'.repeat(32)) }))).toBe('code-refused');
    const other = await ordered();
    expect(await handOver(reply(pending, { 'In-Reply-To': other.messageId }))).toBe('code-refused');
    for (const name of [
      '<x@ca.example>',
      pending.messageId.replace('ca.example', 'evil.example'),
      '<acme.00@ca.example>',
    ])
      expect(await handOver(reply(pending, { 'In-Reply-To': name }))).toBe('not-found');
    expect(await stateOf(pending)).toBe('pending');
  });

  it('that is no mail, or one that can be read in several ways', async () => {
    const plain = text(pending.response);
    const cases = [
      '',
      'no headers',
      reply(pending, {}, ''),
      reply(pending, {}, plain + plain),
      reply(pending, {}, plain.replace(pending.response.slice(0, 20), 'AAAA')),
      reply(pending, { 'Content-Type': 'text/html' }),
      reply(pending, { 'Content-Type': 'multipart/mixed; boundary=b' }),
      reply(pending, { 'Content-Type': 'multipart/alternative; boundary=b' }),
      reply(pending, { 'Content-Transfer-Encoding': 'x-other' }),
      reply(pending, { 'no header': 'x' }),
      `${'X: y\r\n'.repeat(300)}${reply(pending)}`,
      `--b\r\n${'--b\r\n'.repeat(20_000)}`,
    ];
    for (const mail of cases)
      expect([mail.slice(0, 60), await handOver(mail)]).toEqual([mail.slice(0, 60), 'invalid-request']);
    expect(await handOver('A'.repeat(200_000))).toBe('payload-too-large');
    const random = Buffer.from(reply(pending));
    for (let at = 0; at < random.length; at += 37) {
      const changed = Buffer.from(random);
      changed[at] = 0xff;
      expect([204, 'invalid-request', 'code-refused', 'not-found']).toContain(await handOver(changed));
    }
  });

  it('that comes after the order has ended', async () => {
    server.log.clock.advance(86_400_000);
    expect(await handOver(reply(pending))).toBe('not-found');
  });
});
