import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { formatNotifyOrderRequest } from '../../src/contract/notify-bodies.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { encodeUtf8 } from '../../src/core/encoding/bytes.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { changeMessage } from '../../src/identity/change-request.ts';
import { type NotifyOrder, notifyOrderCodec, notifyOrderMessage } from '../../src/identity/notify-order.ts';
import type { LogStore } from '../../src/store/ports.ts';
import { LogService } from '../../src/service/log-service.ts';
import { notifyWorld, type NotifyWorld } from '../support/notify-world.ts';
import { identityOf } from '../support/owner.ts';

const DAY_MS = 86_400_000;
/** Number of notes that the database still takes. */
let notesLeft = Infinity;
/** Number of times that all books were compared with their names. */
let comparisons = 0;
let world: NotifyWorld;
beforeAll(async () => {
  const wrap = (store: LogStore): LogStore =>
    Object.assign(Object.create(store) as LogStore, {
      writeNotifyBook: (...row: Parameters<LogStore['writeNotifyBook']>) =>
        notesLeft-- > 0 ? store.writeNotifyBook(...row) : Promise.reject(new Error('died')),
      listUntoldNotifyBooks: (...page: Parameters<LogStore['listUntoldNotifyBooks']>) => {
        comparisons++;
        return store.listUntoldNotifyBooks(...page);
      },
    });
  world = await notifyWorld({ limits: { maxClockAheadMs: 400 * DAY_MS }, wrap });
});
afterAll(() => world.close());

const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;
const later = (ms = 1): void => world.server.log.clock.advance(ms);
const labelKeyOf = (text: string) => world.server.log.context.vrf.labelKey(identityOf(text).label);

/** The JSON of an order with anything changed in it. */
async function signedOrder(
  text: string,
  key: ClientKey,
  change: Partial<NotifyOrder> = {},
  message: (order: Uint8Array) => Uint8Array = notifyOrderMessage,
) {
  const order = encode(notifyOrderCodec, {
    origin: 'log.example',
    label: identityOf(text).label,
    number: world.server.log.clock.now(),
    action: 'add',
    subject: encodeUtf8('mailto:eve@evil.example'),
    ...change,
  });
  const signed = { order, signer: sha256(key.spki), signature: await key.sign(message(order)) };
  return formatNotifyOrderRequest({ identity: text, order: signed });
}

/** Posts JSON and returns the code of the refusal, or `ok`. */
async function post(body: unknown, token?: string, path = '/v1/notify-orders'): Promise<string> {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${world.server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  const answer = (await response.json()) as { code?: string };
  return response.ok ? 'ok' : (answer.code ?? 'no code');
}

describe('an order about addresses', () => {
  const alice = 'alice@example.com';
  let key: ClientKey;
  beforeAll(async () => ({ key } = await world.owner(alice)));

  it('is refused from a stolen application token without a key of the name', async () => {
    const stranger = await generateKey();
    expect(await post(await signedOrder(alice, stranger), world.server.log.token)).toBe('bad-change-signature');
    expect(await post({ identity: alice }, world.server.log.token)).toBe('invalid-request');
  });

  it('is refused the second time, and so is one before it', async () => {
    later(10);
    const order = await signedOrder(alice, key, { action: 'list', subject: new Uint8Array() });
    const earlier = await signedOrder(alice, key, { number: world.server.log.clock.now() - 1 });
    expect(await post(order)).toBe('ok');
    expect(await post(order)).toBe('change-rejected');
    expect(await post(earlier)).toBe('change-rejected');
  });

  it('is refused for another log, for another name, of another day, and in the form of a change', async () => {
    later(10);
    const now = world.server.log.clock.now();
    expect(await post(await signedOrder(alice, key, { origin: 'other.example' }))).toBe('change-rejected');
    expect(await post({ ...(await signedOrder('bob@example.com', key)), identity: alice })).toBe('change-rejected');
    expect(await post(await signedOrder(alice, key, { number: now - 600_001 }))).toBe('change-rejected');
    expect(await post(await signedOrder(alice, key, { number: now + 600_001 }))).toBe('change-rejected');
    expect(await post(await signedOrder(alice, key, {}, changeMessage))).toBe('bad-change-signature');
    expect(await post(await signedOrder('nobody@example.com', key))).toBe('identity-not-found');
  });

  it('is refused from a key that the name no longer has', async () => {
    const [name, old, next] = ['gone@example.com', await generateKey(), await generateKey()];
    const directory = await world.server.client();
    await directory.register(name, { token: world.server.log.token, key: old });
    await directory.rotate(name, old, next);
    await expect(directory.notices(name, old, { list: true })).rejects.toThrow(code('bad-change-signature'));
  });

  it('cannot be about too many addresses, or too often', async () => {
    const name = 'many@example.com';
    const { directory, key: own } = await world.owner(name);
    for (let i = 0; i < 4; i++) await world.addMail(name, `many${i}@example.net`, own);
    later();
    await expect(directory.notices(name, own, { add: 'mailto:more@example.net' })).rejects.toThrow(
      code('invalid-request'),
    );
    for (let i = 0; i < 26; i++) {
      later();
      await directory.notices(name, own, { list: true }).catch((error: unknown) => error);
    }
    later();
    await expect(directory.notices(name, own, { list: true })).rejects.toThrow(code('rate-limited'));
  });

  it('cannot have codes sent to one mailbox without end, under however many names', async () => {
    const VARIANTS = ['victim', 'Victim', 'VICTIM+more'];
    const sent: unknown[] = [];
    for (let i = 0; i < 8; i++) {
      const { directory, key: own } = await world.owner(`flood${i}@example.com`);
      sent.push(
        await directory.notices(`flood${i}@example.com`, own, { add: `mailto:${VARIANTS[i % 3]}@example.net` }).then(
          () => 'ok',
          (error: unknown) => (error as { code: string }).code,
        ),
      );
    }
    expect(sent).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'rate-limited', 'rate-limited']);
    const arrived = VARIANTS.flatMap((local) => world.mailsTo(`${local}@example.net`, 'The code is'));
    expect(arrived).toHaveLength(6);
  });
});

describe('a code', () => {
  it('may be guessed five times, and not for another address', async () => {
    const name = 'guess@example.com';
    const { directory, key } = await world.owner(name);
    const { added = '' } = await directory.notices(name, key, { add: 'mailto:guess@example.net' });
    const right = world.mail.lastCode();
    await expect(directory.confirmNotices('alice@example.com', added, right)).rejects.toThrow(code('code-refused'));
    for (let i = 0; i < 5; i++)
      await expect(directory.confirmNotices(name, added, `AAAA-AAA${i}`)).rejects.toThrow(code('code-refused'));
    await expect(directory.confirmNotices(name, added, right)).rejects.toThrow(code('code-refused'));
  });

  it('is worth nothing after an hour', async () => {
    const name = 'late@example.com';
    const { directory, key } = await world.owner(name);
    const { added = '' } = await directory.notices(name, key, { add: 'mailto:late@example.net' });
    later(3_600_000);
    await expect(directory.confirmNotices(name, added, world.mail.lastCode())).rejects.toThrow(code('code-refused'));
  });
});

describe('a thief of a device key', () => {
  it('cannot silence the owner: who is removed is told so, and of every version for 7 days', async () => {
    const name = 'victim@example.com';
    const { key: stolen } = await world.owner(name);
    const id = await world.addMail(name, 'owner@example.net', stolen);
    const thief = await world.server.client();
    later();
    await thief.notices(name, stolen, { remove: id });
    later();
    await expect(thief.notices(name, stolen, { remove: id })).rejects.toThrow(code('not-found'));
    await world.addMail(name, 'thief@evil.example', stolen);
    await world.tend();
    expect(world.mailsTo('owner@example.net', 'removed at')).toHaveLength(1);
    expect(world.mailsTo('owner@example.net', 'added at')).toHaveLength(1);
    const next = await generateKey();
    await thief.rotate(name, stolen, next);
    await world.tend();
    expect(world.mailsTo('owner@example.net', 'Version 1')).toHaveLength(1);
    later(8 * DAY_MS);
    // The log shows by an entry that it has not stood still.
    await vi.waitFor(() => thief.lookup(name), 20_000);
    await thief.rotate(name, next, await generateKey());
    await world.tend();
    expect(world.mailsTo('owner@example.net', 'Version 2')).toEqual([]);
    expect(world.mailsTo('thief@evil.example', 'Version 2')).toHaveLength(1);
  });
});

describe('an owner whose places a thief has filled', () => {
  it('brings a removed address back at once', async () => {
    const name = 'filled@example.com';
    const { directory, key } = await world.owner(name);
    const id = await world.addMail(name, 'filled@example.net', key);
    later();
    await directory.notices(name, key, { remove: id });
    for (let i = 0; i < 4; i++) await world.addMail(name, `thief${i}@evil.example`, key);
    later();
    await expect(directory.notices(name, key, { add: 'mailto:other@example.net' })).rejects.toThrow(
      code('invalid-request'),
    );
    await world.addMail(name, 'filled@example.net', key);
    later();
    const { addresses } = await directory.notices(name, key, { list: true });
    expect(addresses.map(({ state }) => state)).toEqual(Array.from({ length: 5 }, () => 'confirmed'));
  });
});

describe('the database', () => {
  const row = async (text: string) => {
    const found = await world.server.log.context.store.readNotifyBook(await labelKeyOf(text));
    if (found === undefined) throw new Error('no row');
    return found;
  };

  it('holds no address in clear, and a row of one name is none of another', async () => {
    const [name, other] = ['sealed@example.com', 'sealed2@example.com'];
    const { key } = await world.owner(name);
    const { directory, key: otherKey } = await world.owner(other);
    await world.addMail(name, 'secret@private.example', key);
    const stored = await row(name);
    const text = Buffer.from(stored.sealed).toString('latin1');
    expect(text).not.toMatch(/secret|private|sealed@example/);
    expect(stored.sealed.length % 2048).toBe(28);
    await world.server.log.context.store.writeNotifyBook({ ...stored, labelKey: await labelKeyOf(other), revision: 1 });
    await expect(directory.notices(other, otherKey, { list: true })).rejects.toThrow(code('storage-corrupt'));
  });

  it('cannot change an address: any flipped bit, and another revision, are refused', async () => {
    const name = 'flipped@example.com';
    const { directory, key } = await world.owner(name);
    await world.addMail(name, 'flipped@private.example', key);
    const stored = await row(name);
    const { store } = world.server.log.context;
    let { revision } = stored;
    for (const at of [0, 12, 500, stored.sealed.length - 1, -1]) {
      const sealed = stored.sealed.slice();
      if (at >= 0) sealed[at] = (sealed[at] ?? 0) ^ 1;
      revision++;
      expect(await store.writeNotifyBook({ ...stored, sealed, revision })).toBe(true);
      later();
      await expect(directory.notices(name, key, { list: true })).rejects.toThrow(code('storage-corrupt'));
    }
    const { events } = world.server.log;
    await directory.rotate(name, key, await generateKey());
    await world.tend();
    expect(events.filter(({ type }) => type === 'notify-failed').length).toBeGreaterThan(0);
    expect(world.server.errors).not.toEqual([]);
    expect(JSON.stringify([events, world.server.errors])).not.toContain('flipped@private.example');
  });
});

describe('a server that was stopped', () => {
  it('tells what it owed: the log says what is due', async () => {
    const name = 'owed@example.com';
    const { directory, key } = await world.owner(name);
    await world.addMail(name, 'owed@example.net', key);
    await directory.rotate(name, key, await generateKey());
    // Another process of the same log, which knows nothing.
    const { log } = world.server;
    const notify = { settings: world.settings, resolve: () => Promise.resolve(['127.0.0.1']) };
    const other = new LogService(log.context, { sequence: false, notify });
    await other.notifications.keeper.tend();
    await other.stop();
    expect(world.mailsTo('owed@example.net', 'Version 1')).toHaveLength(1);
    await world.tend();
    expect(world.mailsTo('owed@example.net', 'Version 1')).toHaveLength(1);
  });

  it('tells twice rather than never, under the same id', async () => {
    const name = 'twice@example.com';
    const { directory, key } = await world.owner(name);
    await directory.notices(name, key, { add: world.hook('/twice') });
    await directory.rotate(name, key, await generateKey());
    // As if the process died before it noted the delivery: the attempt was noted.
    notesLeft = 1;
    await world.tend();
    notesLeft = Infinity;
    await world.tend();
    later(61_000);
    await world.tend();
    await world.tend();
    const ids = world.receiver.received
      .filter(({ path }) => path === '/twice')
      .map(({ headers }) => headers['webhook-id'])
      .slice(1);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });
});

describe('a database that takes no writes', () => {
  it('does not have a notice sent in each round', async () => {
    const name = 'readonly@example.com';
    const { directory, key } = await world.owner(name);
    await world.addMail(name, 'readonly@example.net', key);
    await directory.rotate(name, key, await generateKey());
    notesLeft = 0;
    for (let i = 0; i < 3; i++) {
      await world.tend();
      later(61_000);
    }
    notesLeft = Infinity;
    expect(world.mailsTo('readonly@example.net', 'Version 1')).toEqual([]);
    await world.tend();
    expect(world.mailsTo('readonly@example.net', 'Version 1')).toHaveLength(1);
  });
});

describe('one damaged book', () => {
  it('does not have all others compared in every round, and delays nobody', async () => {
    const [name, other] = ['damaged@example.com', 'whole@example.com'];
    const { directory, key } = await world.owner(name);
    await world.addMail(name, 'damaged@example.net', key);
    const { directory: whole, key: wholeKey } = await world.owner(other);
    await world.addMail(other, 'whole@example.net', wholeKey);
    const { store } = world.server.log.context;
    const stored = await store.readNotifyBook(await labelKeyOf(name));
    if (stored === undefined) throw new Error('no row');
    const { revision } = stored;
    await store.writeNotifyBook({ ...stored, revision: revision + 1, dueMs: 0 });
    await directory.rotate(name, key, await generateKey());
    await world.tend();
    comparisons = 0;
    const failures = () => world.server.log.events.filter(({ type }) => type === 'notify-failed').length;
    const before = failures();
    for (let i = 0; i < 5; i++) await world.tend();
    expect([comparisons, failures() - before]).toEqual([0, 0]);
    await whole.rotate(other, wholeKey, await generateKey());
    await world.tend();
    expect(world.mailsTo('whole@example.net', 'Version 1')).toHaveLength(1);
    // It is tried again after a while.
    later(61_000);
    await world.tend();
    expect(failures() - before).toBeGreaterThan(0);
  });
});

describe('an operator who says nothing', () => {
  it('is seen by the client, which needs no notice', async () => {
    const name = 'silent@example.com';
    const { directory, key } = await world.owner(name);
    await world.addMail(name, 'silent@example.net', key);
    await directory.monitor([name]);
    const other = await world.server.client();
    await other.rotate(name, key, await generateKey());
    // No round runs: nobody is told.
    const [monitored] = await directory.monitor([name]);
    expect(monitored).toMatchObject({ role: 'owner', alerts: [{ type: 'unexpected-version', version: 1 }] });
    expect(world.mailsTo('silent@example.net', 'Version 1')).toEqual([]);
  });
});

describe('an erased name', () => {
  it('is told to its addresses once, and they are deleted', async () => {
    const name = 'erased@example.com';
    const { key } = await world.owner(name);
    await world.addMail(name, 'erased@example.net', key);
    await world.server.log.service.erase({ identity: name, who: 'admin:test' });
    await world.tend();
    expect(world.mailsTo('erased@example.net', 'was erased')).toHaveLength(1);
    expect(await world.server.log.context.store.readNotifyBook(await labelKeyOf(name))).toBeUndefined();
    later(DAY_MS);
    await world.tend();
    expect(world.mailsTo('erased@example.net', 'was erased')).toHaveLength(1);
  });

  it('takes its addresses with it where nobody is told any more', async () => {
    const name = 'erased2@example.com';
    const { key } = await world.owner(name);
    await world.addMail(name, 'erased2@example.net', key);
    const { log } = world.server;
    await log.service.erase({ identity: name, who: 'admin:test' });
    const silent = new LogService(log.context, { sequence: false });
    await silent.notifications.keeper.tend();
    await silent.stop();
    expect(await log.context.store.readNotifyBook(await labelKeyOf(name))).toBeUndefined();
    expect(world.mailsTo('erased2@example.net', 'was erased')).toEqual([]);
  });

  it('is told at once where an earlier notice waits, and whoever gets the name meanwhile gets no address with it', async () => {
    const name = 'erased3@example.com';
    const { directory, key } = await world.owner(name);
    await world.addMail(name, 'erased3@example.net', key);
    world.mail.breakDown();
    for (let i = 0, present = key; i < 4; i++) {
      const next = await generateKey();
      await directory.rotate(name, present, next);
      present = next;
      later(600_000);
      await world.tend();
    }
    world.mail.repair();
    await world.server.log.service.erase({ identity: name, who: 'admin:test' });
    await world.tend();
    expect(world.mailsTo('erased3@example.net', 'was erased')).toHaveLength(1);
    expect(await world.server.log.context.store.readNotifyBook(await labelKeyOf(name))).toBeUndefined();
  });
});
