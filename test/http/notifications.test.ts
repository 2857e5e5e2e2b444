import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { formatHex } from '../../src/core/encoding/bytes.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { DEFAULT_EVIDENCE } from '../../src/service/evidence/evidence-settings.ts';
import { challengeIn, notifyWorld, type NotifyWorld } from '../support/notify-world.ts';
import { pushBrowser } from '../support/push-browser.ts';

const DAY_MS = 86_400_000;
let world: NotifyWorld;
beforeAll(async () => {
  world = await notifyWorld({ limits: { maxClockAheadMs: 400 * DAY_MS }, evidence: DEFAULT_EVIDENCE });
});
afterAll(() => world.close());
afterEach(() => {
  world.mail.repair();
  world.receiver.answer = (response, { body }) => void response.end(challengeIn(body) ?? 'ok');
});

const hash = (key: ClientKey): string => formatHex(sha256(key.spki));
const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;

/** Lets time pass for orders and rounds, not for the log. */
function later(ms = 1): void {
  world.server.log.clock.advance(ms);
}

describe('an owner who asked to be told by mail', () => {
  const [alice, elsewhere] = ['alice@example.com', 'alice@elsewhere.example'];

  it('confirms the address by its code, and is told of a new key, of a removed one, and who authorised it', async () => {
    const { directory, key } = await world.owner(alice);
    const answer = await directory.notices(alice, key, { add: `mailto:${elsewhere}` });
    expect(answer.addresses).toEqual([
      expect.objectContaining({ id: answer.added, kind: 'mail', hint: 'a…@elsewhere.example', state: 'unconfirmed' }),
    ]);
    await world.tend();
    await expect(directory.confirmNotices(alice, answer.added ?? '', 'AAAA-AAAA')).rejects.toThrow(
      code('code-refused'),
    );
    const confirmed = await directory.confirmNotices(alice, answer.added ?? '', world.mail.lastCode().toLowerCase());
    expect(confirmed.addresses).toMatchObject([{ state: 'confirmed' }]);
    await world.tend();
    expect(world.mailsTo(elsewhere, 'changed')).toEqual([]);

    const added = await generateKey();
    await directory.register(alice, { key: added, credentials: key });
    await world.tend();
    const [told = '', ...more] = world.mailsTo(elsewhere, 'Version 1');
    expect(more).toEqual([]);
    expect(told).toContain(`authorised by one of your own keys, ${hash(key)}`);
    expect(told).toContain(`Key added: ${hash(added)}`);
    expect(told).toContain('glasskey revoke alice@example.com');
    expect(told).toContain('Whoever controls log.example could have withheld it');
    expect(told).toContain('https://help.example/notices');

    await directory.revoke(alice, added);
    await world.tend();
    await world.tend();
    expect(world.mailsTo(elsewhere, 'Version 2')).toEqual([
      expect.stringContaining(`Key removed: ${hash(added)}`) as string,
    ]);
    later();
    const list = await directory.notices(alice, key, { list: true });
    expect(list.addresses).toMatchObject([{ state: 'confirmed', told: expect.any(String) as string }]);
  });

  it('is told by the old and the new address when an address is added or removed, for 7 days', async () => {
    const bob = 'bob@example.com';
    const { directory, key } = await world.owner(bob);
    const first = await world.addMail(bob, 'first@bob.example', key);
    await world.addMail(bob, 'second@bob.example', key);
    await world.tend();
    expect(world.mailsTo('first@bob.example', 'no longer the same')).toEqual([
      expect.stringContaining(`ordered by the key ${hash(key)}`) as string,
    ]);
    later();
    const { addresses } = await directory.notices(bob, key, { remove: first });
    expect(addresses.find(({ id }) => id === first)).toMatchObject({ state: 'former' });
    await directory.rotate(bob, key, await generateKey());
    await world.tend();
    expect(world.mailsTo('first@bob.example', 'removed at')).toHaveLength(1);
    expect(world.mailsTo('second@bob.example', 'removed at')).toHaveLength(1);
    expect(world.mailsTo('first@bob.example', 'Version 1')).toHaveLength(1);
    expect(world.mailsTo('second@bob.example', 'Version 1')).toHaveLength(1);
  });

  it('is told again after the mail server was away, with nothing lost', async () => {
    const carol = 'carol@example.com';
    const { directory, key } = await world.owner(carol);
    await world.addMail(carol, 'carol@mail.example', key);
    await directory.rotate(carol, key, await generateKey());
    world.mail.breakDown();
    await world.tend();
    await world.tend();
    expect(world.mailsTo('carol@mail.example', 'Version 1')).toEqual([]);
    world.mail.repair();
    later(31_000);
    await world.tend();
    expect(world.mailsTo('carol@mail.example', 'Version 1')).toHaveLength(1);
    await world.tend();
    expect(world.mailsTo('carol@mail.example', 'Version 1')).toHaveLength(1);
  });
});

describe('an owner who asked to be told by a webhook', () => {
  it('confirms it by its answer, and gets signed facts', async () => {
    const dave = 'dave@example.com';
    const { directory, key } = await world.owner(dave);
    const { addresses } = await directory.notices(dave, key, { add: world.hook('/dave') });
    expect(addresses).toMatchObject([{ kind: 'webhook', state: 'confirmed' }]);
    const next = await generateKey();
    await directory.rotate(dave, key, next);
    await world.tend();
    const bodies = world.receiver.received.filter(({ path }) => path === '/dave').map(({ body }) => body.toString());
    expect(bodies.map((body) => (JSON.parse(body) as { event: unknown }).event)).toEqual([
      expect.objectContaining({ type: 'confirm' }),
      expect.objectContaining({
        type: 'keys-changed',
        identity: dave,
        version: 1,
        by: ['key'],
        added: [hash(next)],
        removed: [hash(key)],
      }),
    ]);
    const response = await fetch(`${world.server.url}/v1/notify-keys`);
    expect(await response.json()).toMatchObject({ webhookKey: expect.stringMatching(/^whpk_/) as string });
  });

  it.each([
    ['that echoes nothing', (response: { end(text: string): unknown }) => void response.end('ok')],
    ['that hangs up', (response: { destroy(): unknown }) => void response.destroy()],
  ])('is refused one %s, and learns no reason', async (_, answer) => {
    const name = `hook-${_.length}@example.com`;
    const { directory, key } = await world.owner(name);
    world.receiver.answer = answer;
    const refusal = await directory.notices(name, key, { add: world.hook('/no') }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'invalid-request' });
    expect(String(refusal)).toContain('did not answer as it must');
    later();
    expect((await directory.notices(name, key, { list: true })).addresses).toEqual([]);
  });

  it('sees in the list that it does not answer, and not why', async () => {
    const name = 'vague@example.com';
    const { directory, key } = await world.owner(name);
    await directory.notices(name, key, { add: world.hook('/vague') });
    world.receiver.answer = (response: { destroy(): unknown }) => void response.destroy();
    const next = await generateKey();
    await directory.rotate(name, key, next);
    await world.tend();
    later();
    const { addresses } = await directory.notices(name, next, { list: true });
    expect(addresses).toMatchObject([{ failure: 'no answer' }]);
  });

  it.each(['https://127.0.0.2/', 'https://[::ffff:10.0.0.1]/', 'https://0xa9fea9fe/latest'])(
    'is refused %s, with the same words',
    async (address) => {
      const name = `inside-${address.length}@example.com`;
      const { directory, key } = await world.owner(name);
      const refusal = await directory.notices(name, key, { add: address }).catch((error: unknown) => error);
      expect(String(refusal)).toContain('did not answer as it must');
    },
  );
});

describe('an owner who asked to be told by Web Push', () => {
  it('confirms it by the code that the page reads, and the page is told', async () => {
    const erin = 'erin@example.com';
    const { directory, key } = await world.owner(erin);
    const browser = pushBrowser();
    world.receiver.answer = (response) => void response.writeHead(201).end();
    const { added = '' } = await directory.notices(erin, key, { add: browser.subscription(world.hook('/push/erin')) });
    const pushes = () =>
      world.receiver.received
        .filter(({ path }) => path === '/push/erin')
        .map(({ body }) => JSON.parse(browser.decrypt(body)) as { title: string; event: Record<string, unknown> });
    await directory.confirmNotices(erin, added, String(pushes()[0]?.event['challenge']));
    await directory.rotate(erin, key, await generateKey());
    await world.tend();
    expect(pushes()[1]).toMatchObject({
      title: 'The keys of erin@example.com changed',
      event: { type: 'keys-changed', version: 1 },
    });
  });

  it('is not told any more once the subscription has ended, and sees why', async () => {
    const frank = 'frank@example.com';
    const { directory, key } = await world.owner(frank);
    const browser = pushBrowser();
    world.receiver.answer = (response) => void response.writeHead(201).end();
    const { added = '' } = await directory.notices(frank, key, {
      add: browser.subscription(world.hook('/push/frank')),
    });
    const first = world.receiver.received.find(({ path }) => path === '/push/frank');
    const confirm = JSON.parse(browser.decrypt(first?.body ?? Buffer.of())) as { event: { challenge: string } };
    await directory.confirmNotices(frank, added, confirm.event.challenge);
    world.receiver.answer = (response) => void response.writeHead(410).end();
    const next = await generateKey();
    await directory.rotate(frank, key, next);
    await world.tend();
    await world.tend();
    expect(world.receiver.received.filter(({ path }) => path === '/push/frank')).toHaveLength(2);
    later();
    const { addresses } = await directory.notices(frank, next, { list: true });
    expect(addresses).toMatchObject([{ failure: 'status 410' }]);
  });
});
