import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jwtVerify } from 'jose';
import webPush from 'web-push';
import { parseDeliveryAddress } from '../../src/delivery/address.ts';
import { Deliverer, type DelivererSettings } from '../../src/delivery/deliverer.ts';
import type { Notice } from '../../src/delivery/notice.ts';
import { webhookPublicKey } from '../../src/delivery/webhook-signature.ts';
import { startMailServer, type TestMailServer } from '../support/mail-server.ts';
import { pushBrowser } from '../support/push-browser.ts';
import { type Received, type Receiver, startReceiver } from '../support/receiver.ts';
import { TLS_PAIR } from '../support/tls-pair.ts';

const NOW = Date.UTC(2026, 10, 30);
const { privateKey: webhookKey } = generateKeyPairSync('ed25519');
const vapid = { subject: 'mailto:ca@example.com', ...webPush.generateVAPIDKeys() };
const notice: Notice = {
  id: 'notice-1',
  subject: 'New key for bob\r\nBcc: eve@example.com',
  text: 'A key was added.\n',
  event: { type: 'version', identity: 'bob@example.com', version: 3, added: ['ab'] },
};

let receiver: Receiver;
let mail: TestMailServer;
const open: Deliverer[] = [];
beforeEach(async () => {
  receiver = await startReceiver();
  mail = await startMailServer();
});
afterEach(async () => {
  for (const deliverer of open.splice(0)) await deliverer.close();
  await Promise.all([receiver.close(), mail.close()]);
});

function deliverer(more: Partial<DelivererSettings> = {}): Deliverer {
  const smtp = { host: '127.0.0.1', port: mail.port, tls: false, user: undefined, password: undefined };
  const egress = {
    allowPrivate: ['127.0.0.1/32'],
    ports: [receiver.port],
    ca: TLS_PAIR.certificate,
    timeoutMs: 3_000,
  };
  const settings = { mail: { smtp, from: 'keys@example.com' }, webhookKey, vapid, egress, ...more };
  const made = new Deliverer(settings, { now: () => NOW, resolve: () => Promise.resolve(['127.0.0.1']) });
  open.push(made);
  return made;
}
const hook = () => parseDeliveryAddress(`https://keys.example:${receiver.port}/hook`);
const push = (browser = pushBrowser()) =>
  parseDeliveryAddress(browser.subscription(`https://keys.example:${receiver.port}/push/1`));
function firstReceived(): Received {
  const [first] = receiver.received;
  if (first === undefined) throw new Error('nothing was received');
  return first;
}
const bob = parseDeliveryAddress('mailto:bob@example.com');

describe('a notice by mail', () => {
  it('arrives, and a line break in a subject makes no header', async () => {
    expect(await deliverer().deliver(bob, notice)).toEqual({ outcome: 'sent' });
    const [{ to, raw } = { to: [], raw: '' }] = mail.mails;
    expect(to).toEqual(['bob@example.com']);
    expect(raw).not.toMatch(/^Bcc:/m);
    expect(raw).toContain('A key was added.');
  });

  it('says that the address is gone, or that the server is away', async () => {
    const gone = parseDeliveryAddress(`mailto:bob@${mail.unknownDomain}`);
    expect(await deliverer().deliver(gone, notice)).toEqual({ outcome: 'gone', reason: 'unknown recipient' });
    mail.breakDown();
    expect(await deliverer().deliver(bob, notice)).toEqual({ outcome: 'retry', reason: 'mail server' });
  });
});

describe('a notice to a webhook', () => {
  it('is signed, with the time and the URL that it is for', async () => {
    expect(await deliverer().deliver(hook(), notice)).toEqual({ outcome: 'sent' });
    const { headers, body } = firstReceived();
    expect(JSON.parse(body.toString())).toEqual({
      id: 'notice-1',
      to: `https://keys.example:${receiver.port}/hook`,
      subject: 'New key for bob\\u{d}\\u{a}Bcc: eve@example.com',
      text: notice.text,
      event: notice.event,
    });
    const raw = Buffer.from(webhookPublicKey(webhookKey).slice('whpk_'.length), 'base64');
    const prefix = Buffer.from('302a300506032b6570032100', 'hex');
    const key = createPublicKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'spki' });
    const [version, signature = ''] = String(headers['webhook-signature']).split(',');
    expect([version, headers['webhook-id'], headers['webhook-timestamp']]).toEqual([
      'v1a',
      'notice-1',
      `${NOW / 1000}`,
    ]);
    const signed = `notice-1.${NOW / 1000}.${body.toString()}`;
    expect(verify(null, Buffer.from(signed), key, Buffer.from(signature, 'base64'))).toBe(true);
    expect(verify(null, Buffer.from(`${signed} `), key, Buffer.from(signature, 'base64'))).toBe(false);
  });

  it.each([
    [204, { outcome: 'sent' }],
    [301, { outcome: 'refused', reason: 'status 301' }],
    [400, { outcome: 'refused', reason: 'status 400' }],
    [404, { outcome: 'retry', reason: 'status 404', afterMs: 60_000 }],
    [410, { outcome: 'gone', reason: 'status 410' }],
    [429, { outcome: 'retry', reason: 'status 429', afterMs: 60_000 }],
    [500, { outcome: 'retry', reason: 'status 500', afterMs: 60_000 }],
  ])('that answers %i is %j', async (status, result) => {
    receiver.answer = (response) => void response.writeHead(status, { 'retry-after': '60' }).end();
    expect(await deliverer().deliver(hook(), notice)).toEqual(result);
  });

  it('proves by an echo that whoever gave the address runs what is there', async () => {
    const url = `https://keys.example:${receiver.port}/hook`;
    const challenge = (echo: string) => deliverer().challenge(url, notice, { echo });
    receiver.answer = (response) => void response.end('ABCD-EFGH\n');
    expect(await challenge('ABCD-EFGH')).toEqual({ outcome: 'sent' });
    expect(await challenge('ABCD-EFGX')).toEqual({ outcome: 'refused', reason: 'no echo' });
    // A server that repeats what it is sent does not answer with the code alone.
    receiver.answer = (response, { body }) => void response.end(body);
    expect(await challenge('notice-1')).toEqual({ outcome: 'refused', reason: 'no echo' });
  });

  it('inside the network is not reached, and is tried again like one that hangs up: DNS may have lied', async () => {
    const inside = parseDeliveryAddress(`https://127.0.0.2:${receiver.port}/`);
    expect(await deliverer().deliver(inside, notice)).toMatchObject({ outcome: 'retry' });
    receiver.answer = (response) => void response.destroy();
    expect(await deliverer().deliver(hook(), notice)).toMatchObject({ outcome: 'retry' });
  });
});

describe('a notice by Web Push', () => {
  it('is encrypted for the browser, and the push service can tell who sent it', async () => {
    const browser = pushBrowser();
    receiver.answer = (response) => void response.writeHead(201).end();
    expect(await deliverer().deliver(push(browser), notice)).toEqual({ outcome: 'sent' });
    const { path, headers, body } = firstReceived();
    expect([path, headers['content-encoding'], headers['ttl'], headers['urgency']]).toEqual([
      '/push/1',
      'aes128gcm',
      '604800',
      'high',
    ]);
    expect(JSON.parse(browser.decrypt(body))).toEqual({
      id: 'notice-1',
      title: 'New key for bob\\u{d}\\u{a}Bcc: eve@example.com',
      body: notice.text,
      event: notice.event,
    });
    expect(body.toString('latin1')).not.toContain('bob');
    const [, token = '', key = ''] = /^vapid t=([^,]+), k=(.+)$/.exec(String(headers.authorization)) ?? [];
    expect(key).toBe(vapid.publicKey);
    const point = Buffer.from(vapid.publicKey, 'base64url');
    const [x, y] = [point.subarray(1, 33).toString('base64url'), point.subarray(33).toString('base64url')];
    const jwk = { kty: 'EC', crv: 'P-256', x, y };
    const { payload } = await jwtVerify(token, jwk, { audience: `https://keys.example:${receiver.port}` });
    expect(payload.sub).toBe('mailto:ca@example.com');
  });

  it('has one length, and leaves a long event out', async () => {
    const browser = pushBrowser();
    const sender = deliverer();
    await sender.deliver(push(browser), { ...notice, text: 'x' });
    const long = { ...notice, text: '\u{1f511}'.repeat(5_000), event: { type: 'x'.repeat(10_000) } };
    await sender.deliver(push(browser), long);
    const [first, second] = receiver.received.map(({ body }) => body);
    expect(first?.length).toBe(second?.length);
    expect(JSON.parse(browser.decrypt(second ?? Buffer.of()))).not.toHaveProperty('event');
  });

  it.each([404, 410])('to a subscription that ended (%i) is gone', async (status) => {
    receiver.answer = (response) => void response.writeHead(status).end();
    expect(await deliverer().deliver(push(), notice)).toMatchObject({ outcome: 'gone' });
  });
});

describe('the browser of these tests', () => {
  it("decrypts RFC 8291's own example", () => {
    // RFC 8291 Appendix A.
    const key = Buffer.from('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94', 'base64url');
    const browser = pushBrowser(key, Buffer.from('BTBZMqHH6r4Tts7J_aSIgg', 'base64url'));
    const body =
      'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN';
    expect(browser.decrypt(Buffer.from(body, 'base64url'))).toBe('When I grow up, I want to be a watermelon');
  });
});

describe('the deliverer', () => {
  it('refuses kinds of addresses that the operator has not set up', async () => {
    const bare = deliverer({ mail: undefined, webhookKey: undefined, vapid: undefined });
    for (const address of [bob, hook(), push()])
      expect(await bare.deliver(address, notice)).toMatchObject({ outcome: 'refused' });
    expect([receiver.connections(), mail.mails.length]).toEqual([0, 0]);
  });

  it('refuses a webhook key of another kind', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(() => deliverer({ webhookKey: privateKey })).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
  });

  it('holds a bounded number of connections, and lets go of them when it closes', async () => {
    receiver.answer = () => undefined;
    const sender = deliverer();
    const all = Array.from({ length: 40 }, () => sender.deliver(hook(), notice));
    const busy = { outcome: 'retry', afterMs: 5_000, reason: 'busy' };
    expect(await Promise.all(all.slice(32))).toEqual(Array.from({ length: 8 }, () => busy));
    await sender.close();
    const ended = await Promise.all(all.slice(0, 32));
    expect(ended.every(({ outcome }) => outcome === 'retry')).toBe(true);
    expect(await sender.deliver(hook(), notice)).toEqual({ outcome: 'retry', reason: 'closing' });
    expect(receiver.connections()).toBeLessThanOrEqual(32);
  });
});
