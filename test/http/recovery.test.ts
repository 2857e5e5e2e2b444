import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { createCsr } from '../../src/client/csr.ts';
import { companionKeysOf } from '../../src/client/keys/companion-secrets.ts';
import type { KeyDirectory, Recovery } from '../../src/client/key-directory.ts';
import { csrKeys } from '../../src/ca/csr/csr-keys.ts';
import { formatHex } from '../../src/core/encoding/bytes.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { DEFAULT_SUBJECT, DEFAULT_TEXT, type EmailSettings } from '../../src/service/evidence/email/email-settings.ts';
import { DEFAULT_EVIDENCE } from '../../src/service/evidence/evidence-settings.ts';
import { denyRecovery, grantRecovery, listRecoveries } from '../../src/service/recovery/decide.ts';
import { startMailServer, type TestMailServer } from '../support/mail-server.ts';
import { identityOf } from '../support/owner.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const DAY_MS = 86_400_000;
const DELAY_MS = 7 * DAY_MS;
const SECRET = 'a secret of the operator';

const told: { readonly signature: unknown; readonly timestamp: unknown; readonly body: string }[] = [];
let hookStatus = 200;
const webhook = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    const { 'glasskey-signature': signature, 'glasskey-timestamp': timestamp } = request.headers;
    const isQuestion = (JSON.parse(body) as { event?: string }).event === undefined;
    if (!isQuestion) told.push({ signature, timestamp, body });
    response.writeHead(isQuestion ? 200 : hookStatus);
    response.end('{"decision":"approve"}');
  });
});

let mail: TestMailServer;
let server: TestServer;
beforeAll(async () => {
  mail = await startMailServer();
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  const email: EmailSettings = {
    smtp: { host: '127.0.0.1', port: mail.port, tls: false, user: undefined, password: undefined },
    from: 'keys@example.com',
    subject: DEFAULT_SUBJECT,
    text: DEFAULT_TEXT,
    codeLifetimeMs: 600_000,
    attempts: 5,
    codesPerIdentity: 100,
  };
  const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/hook`;
  server = await createTestServer({
    limits: { maxClockAheadMs: 400 * DAY_MS },
    evidence: {
      ...DEFAULT_EVIDENCE,
      policy: [
        { identities: 'email', domains: undefined, evidence: ['application'], recovery: ['email'] },
        { identities: 'acct', domains: undefined, evidence: ['application'] },
        { identities: 'tel', domains: undefined, evidence: ['application'], recovery: [] },
      ],
      email,
      webhook: { url, secret: SECRET, timeoutMs: 5_000, operations: ['recover'] },
    },
  });
});
afterAll(async () => {
  await server.close();
  await mail.close();
  webhook.closeAllConnections();
  await new Promise((resolve) => webhook.close(resolve));
});
afterEach(() => {
  mail.repair();
  hookStatus = 200;
});

/** Lets time pass, in the log too. */
async function pass(ms: number): Promise<void> {
  const { context, service, clock } = server.log;
  const { size } = await context.store.readHead();
  clock.advance(ms);
  await service.progress.waitForRelease(size + 1, 30_000);
}

/** An owner with a key, and a contact who has looked. */
async function owner(text: string): Promise<{ directory: KeyDirectory; key: ClientKey; contact: KeyDirectory }> {
  const [directory, contact] = await Promise.all([server.client(), server.client()]);
  const key = await generateKey();
  await directory.register(text, { token: server.log.token, key });
  await contact.lookup(text);
  return { directory, key, contact };
}

interface Claim {
  readonly directory: KeyDirectory;
  readonly csr: string;
  readonly key: ClientKey;
  readonly recovery: Recovery;
}

/** Somebody without any key of the identity, who reads its mail. */
async function claim(text: string): Promise<Claim> {
  const [directory, key] = [await server.client(), await generateKey()];
  const csr = await createCsr(identityOf(text), key);
  const { challenge } = await directory.requestEmailCode(text, { csr });
  const recovery = await directory.recover(text, { csr, email: { challenge, code: mail.lastCode() } });
  return { directory, csr, key, recovery };
}

const mailsTo = (text: string) => mail.mails.filter(({ to, raw }) => to.includes(text) && raw.includes('veto'));

async function found(directory: KeyDirectory, text: string) {
  const result = await directory.lookup(text);
  if (!result.found) throw new Error('not found');
  return result.binding;
}

describe('a recovery', () => {
  const alice = 'alice@example.com';

  it('is pending for everybody to see, and takes effect after the delay, for the claimant’s key alone', async () => {
    const { contact, key: lost } = await owner(alice);
    const { directory, csr, key, recovery } = await claim(alice);
    expect(recovery).toMatchObject({ state: 'pending', effectiveAtMs: server.log.clock.now() + DELAY_MS });
    const seen = await found(contact, alice);
    expect(seen).toMatchObject({ version: 1, change: { type: 'recovery' }, pending: { evidence: { type: 'email' } } });
    expect(seen.certificates.map(({ spkiSha256 }) => spkiSha256)).toEqual([formatHex(sha256(lost.spki))]);

    await pass(DELAY_MS - 1);
    expect(await directory.recover(alice, { csr })).toMatchObject({ state: 'pending', binding: { version: 1 } });
    await pass(120_000);
    const done = await directory.recover(alice, { csr });
    if (done.state !== 'effective') throw new Error(done.state);
    const after = await found(contact, alice);
    expect(after).toMatchObject({ version: 2, change: { type: 'recovery' }, pending: undefined });
    expect(await found(contact, alice)).toMatchObject({
      change: { type: 'unchanged' },
      alerts: [{ type: 'recovery', version: 2 }],
    });
    const late = await found(await server.client(), alice);
    expect(late).toMatchObject({ change: { type: 'first-seen' }, alerts: [{ type: 'recovery', version: 2 }] });
    await contact.acknowledge([alice]);
    expect((await found(contact, alice)).alerts).toEqual([]);
    expect(after.certificates.map(({ spkiSha256 }) => spkiSha256)).toEqual([formatHex(sha256(key.spki))]);
    expect(await directory.recover(alice, { csr })).toMatchObject({
      state: 'effective',
      issued: { certificate: done.issued.certificate },
    });
    const revoked = await server.log.context.store.listRevoked(0);
    expect(revoked.map(({ serial }) => serial)).toContain(seen.certificates[0]?.serial);
    expect(await directory.alerts()).toEqual([]);
  });

  it('tells the owner by mail and by webhook, once each, however often they are out of order', async () => {
    const bob = 'bob@example.com';
    await owner(bob);
    hookStatus = 503;
    await claim(bob);
    const { recoveries } = server.log.service;
    await recoveries.tend();
    await recoveries.tend();
    expect(mailsTo(bob)).toHaveLength(1);
    hookStatus = 204;
    told.length = 0;
    await recoveries.tend();
    await recoveries.tend();
    const [one, ...more] = told;
    expect([more, mailsTo(bob).length]).toEqual([[], 1]);
    const signed = `${String(one?.timestamp)}.${one?.body}`;
    expect(one?.signature).toBe(`v1=${createHmac('sha256', SECRET).update(signed).digest('hex')}`);
    const effectiveAt = new Date(server.log.clock.now() + DELAY_MS).toISOString();
    const told_ = { event: 'recovery-pending', identity: bob, evidence: { type: 'email' }, version: 1, effectiveAt };
    expect(JSON.parse(one?.body ?? '')).toMatchObject(told_);
  });

  it('waits for a mail server that is down, and is completed by the server itself', async () => {
    const carol = 'carol@example.com';
    const { contact } = await owner(carol);
    const [directory, key] = [await server.client(), await generateKey()];
    const csr = await createCsr(identityOf(carol), key);
    const { challenge } = await directory.requestEmailCode(carol, { csr });
    mail.breakDown();
    await directory.recover(carol, { csr, email: { challenge, code: mail.lastCode() } });
    await server.log.service.recoveries.tend();
    expect(mailsTo(carol)).toEqual([]);
    mail.repair();
    await server.log.service.recoveries.tend();
    expect(mailsTo(carol)).toHaveLength(1);
    await pass(DELAY_MS);
    await server.log.service.recoveries.tend();
    expect(await found(contact, carol)).toMatchObject({ version: 2, change: { type: 'recovery' } });
    expect(await directory.recover(carol, { csr })).toMatchObject({ state: 'effective' });
    const left: string[] = [];
    for await (const { identity } of listRecoveries(server.log.context)) left.push(identity);
    expect(left).not.toContain(carol);
  });

  it('brings the companion keys that were asked for, and says so while it waits', async () => {
    const name = 'acct:walter@example.com';
    const { contact } = await owner(name);
    const [directory, key] = [await server.client(), await generateKey({ companions: ['x25519', 'ml-kem-768'] })];
    const { token } = server.log;
    expect(await directory.recover(name, { key, token })).toMatchObject({ state: 'pending' });
    const { keysSha256 } = csrKeys(await createCsr(identityOf(name), key, companionKeysOf(key)));
    expect((await found(contact, name)).pending?.spkiSha256).toEqual(keysSha256);
    await pass(DELAY_MS);
    expect(await directory.recover(name, { key })).toMatchObject({ state: 'effective' });
    const after = await found(contact, name);
    expect(after.change.type).toBe('recovery');
    expect(after.certificates.map((one) => one.keysSha256)).toEqual([keysSha256]);
  });

  it('brings back a name that was erased', async () => {
    const dora = 'dora@example.com';
    await owner(dora);
    await server.log.service.erase({ identity: dora, who: 'admin:test' });
    const { directory, csr } = await claim(dora);
    await pass(DELAY_MS);
    expect(await directory.recover(dora, { csr })).toMatchObject({ state: 'effective', issued: {} });
    expect(await found(await server.client(), dora)).toMatchObject({ version: 3, certificates: [{}] });
  });
});

describe('a veto', () => {
  const erin = 'erin@example.com';

  it('by any key ends the recovery, which its owner is warned of', async () => {
    const { directory, key, contact } = await owner(erin);
    const { directory: thief, csr } = await claim(erin);
    const [monitored] = await directory.monitor([erin]);
    expect(monitored).toMatchObject({ role: 'owner', alerts: [{ type: 'unexpected-version', version: 1 }] });
    await expect(directory.renew(erin, key)).rejects.toMatchObject({ code: 'recovery-pending' });
    expect(await directory.veto(erin, key)).toMatchObject({ version: 2, pending: undefined, certificates: [{}] });
    // The same call again, as after a lost answer, finds what was done.
    expect(await directory.veto(erin, key)).toMatchObject({ version: 2, pending: undefined });
    await pass(2 * DELAY_MS);
    await server.log.service.recoveries.tend();
    await expect(thief.recover(erin, { csr })).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(await found(contact, erin)).toMatchObject({ version: 2, link: 'key' });
    expect((await directory.renew(erin, key)).binding.version).toBe(3);
    await expect(directory.veto(erin, key)).rejects.toMatchObject({ code: 'change-rejected' });
  });

  it('ends what a mailed code was good for: the same code asks for no other recovery', async () => {
    const wendy = 'wendy@example.com';
    const { directory, key } = await owner(wendy);
    const [thief, csr] = [await server.client(), await createCsr(identityOf(wendy), await generateKey())];
    const { challenge } = await thief.requestEmailCode(wendy, { csr });
    const email = { challenge, code: mail.lastCode() };
    expect(await thief.recover(wendy, { csr, email })).toMatchObject({ state: 'pending' });
    // As after a lost answer.
    expect(await thief.recover(wendy, { csr, email })).toMatchObject({ state: 'pending' });
    await directory.veto(wendy, key);
    await expect(thief.recover(wendy, { csr, email })).rejects.toMatchObject({ code: 'code-refused' });
    expect(await found(directory, wendy)).toMatchObject({ version: 2, pending: undefined });
  });

  it('needs a key of the identity, and leaves every key as it is', async () => {
    const frank = 'frank@example.com';
    const { directory } = await owner(frank);
    const mallory = await generateKey();
    await expect(directory.veto(frank, mallory)).rejects.toMatchObject({ code: 'change-rejected' });
    await claim(frank);
    await expect(directory.veto(frank, mallory)).rejects.toMatchObject({ code: 'change-rejected' });
    expect(await found(directory, frank)).toMatchObject({ version: 1, pending: {} });
  });

  it('counts so often only: then the operator decides, and everybody sees who did', async () => {
    const grace = 'grace@example.com';
    const { context, service } = server.log;
    const { directory: thief, key, contact } = await owner(grace);
    for (let vetoes = 0; vetoes < 3; vetoes++) {
      expect((await claim(grace)).recovery).toMatchObject({ state: 'pending' });
      await thief.veto(grace, key);
    }
    const { directory, csr, recovery, key: own } = await claim(grace);
    expect(recovery).toEqual({ state: 'undecided' });
    expect(await directory.recover(grace, { csr })).toEqual({ state: 'undecided' });
    expect(await found(contact, grace)).toMatchObject({ version: 6, pending: undefined });
    await expect(claim(grace)).rejects.toMatchObject({ code: 'recovery-pending' });
    const [spkiSha256, thiefsKey] = [sha256(own.spki), sha256(key.spki)];
    const decision = { identity: grace, spkiSha256, reason: 'came by with a passport', who: 'admin:test' };
    const listed: unknown[] = [];
    for await (const one of listRecoveries(context)) listed.push(one);
    const shown = { identity: grace, state: 'undecided', spkiSha256: formatHex(spkiSha256) };
    expect(listed).toContainEqual(expect.objectContaining(shown));
    await expect(grantRecovery(context, { ...decision, identity: erin })).rejects.toMatchObject({ code: 'not-found' });
    for (const decide of [grantRecovery, denyRecovery])
      await expect(decide(context, { ...decision, spkiSha256: thiefsKey })).rejects.toMatchObject({
        code: 'other-key',
      });
    await grantRecovery(context, decision);
    await expect(denyRecovery(context, decision)).rejects.toMatchObject({ code: 'not-found' });
    await service.recoveries.tend();
    const seen = await found(contact, grace);
    expect(seen).toMatchObject({ version: 7, change: { type: 'operator' } });
    expect(seen).toMatchObject({ link: 'operator', claimed: { reason: decision.reason } });
    expect(seen.certificates.map(({ spkiSha256 }) => spkiSha256)).toEqual([formatHex(sha256(own.spki))]);
    expect(await directory.recover(grace, { csr })).toMatchObject({ state: 'effective' });
    // From then on vetoes are counted anew, and what is denied is forgotten.
    expect((await claim(grace)).recovery).toMatchObject({ state: 'pending' });
  });

  it('makes what the operator denies as if it had never been asked for', async () => {
    const heidi = 'heidi@example.com';
    const { directory, key } = await owner(heidi);
    for (let vetoes = 0; vetoes < 3; vetoes++) {
      await claim(heidi);
      await directory.veto(heidi, key);
    }
    const { directory: thief, csr } = await claim(heidi);
    await denyRecovery(server.log.context, {
      identity: heidi,
      spkiSha256: undefined,
      reason: 'no passport',
      who: 'admin:test',
    });
    await expect(thief.recover(heidi, { csr })).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});

describe('nobody recovers', () => {
  const attempt = async (text: string, voucher: { token?: string }) => {
    const directory = await server.client();
    return directory.recover(text, { csr: await createCsr(identityOf(text), await generateKey()), ...voucher });
  };

  it('without evidence that the policy takes for it', async () => {
    const ivan = 'ivan@example.com';
    await owner(ivan);
    await owner('acct:ivan@example.com');
    await owner('tel:+15551230001');
    const { token } = server.log;
    await expect(attempt(ivan, {})).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(attempt(ivan, { token })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(attempt('tel:+15551230001', { token })).rejects.toMatchObject({ code: 'forbidden' });
    // Where nothing else is said, what registers a name also proves it anew.
    expect(await attempt('acct:ivan@example.com', { token })).toMatchObject({ state: 'pending' });
  });

  it('a name that is not registered, nor one that somebody else is recovering', async () => {
    const { token } = server.log;
    await expect(attempt('acct:nobody@example.com', { token })).rejects.toMatchObject({ code: 'identity-not-found' });
    await expect(claim('nobody@example.com')).rejects.toMatchObject({ code: 'identity-not-found' });
    await owner('acct:judy@example.com');
    expect(await attempt('acct:judy@example.com', { token })).toMatchObject({ state: 'pending' });
    await expect(attempt('acct:judy@example.com', { token })).rejects.toMatchObject({ code: 'recovery-pending' });
  });
});
