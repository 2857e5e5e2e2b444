import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBackend } from '../../examples/messenger/backend/backend.ts';
import { Inboxes } from '../../examples/messenger/backend/inboxes.ts';
import { KeyPackages } from '../../examples/messenger/backend/key-packages.ts';
import { TokenBuckets } from '../../examples/messenger/backend/token-buckets.ts';
import { deviceProofText, type InboxEvent } from '../../examples/messenger/shared/protocol.ts';
import type { VaultServer } from '../../examples/vault/vault.mjs';

type App = ReturnType<typeof createBackend>;
const TOKEN = 'the application token';
const code = (expected: string) => expect.objectContaining({ code: expected });

/** A user of the backend, as a browser would be one. */
class User {
  readonly #app: App;
  readonly name: string;
  #cookie = '';
  device = '';

  constructor(app: App, name: string) {
    this.#app = app;
    this.name = name;
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const response = await this.#app.request(`http://a.localhost/api${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', host: 'a.localhost', cookie: this.#cookie, ...headers },
      body: JSON.stringify(body),
    });
    this.#cookie = response.headers.get('set-cookie')?.split(';')[0] ?? this.#cookie;
    return response;
  }

  get(path: string): Promise<Response> {
    return Promise.resolve(
      this.#app.request(`http://a.localhost/api${path}`, { headers: { cookie: this.#cookie, host: 'a.localhost' } }),
    );
  }

  async enter(): Promise<this> {
    expect((await this.post('/accounts', { name: this.name, password: 'a long password' })).status).toBe(201);
    this.device = await this.addDevice(this.name);
    return this;
  }

  /** Asks for an inbox, with a proof for some account. */
  async addDevice(account: string): Promise<string> {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const signature = sign(null, Buffer.from(deviceProofText(account)), privateKey);
    const body = { spki: spki.toString('base64'), signature: signature.toString('base64') };
    const response = await this.post('/devices', body);
    if (!response.ok) throw await response.json();
    return createHash('sha256').update(spki).digest('hex');
  }

  /** Reads what waits in the inbox. */
  async inbox(after = 0): Promise<readonly InboxEvent[]> {
    const { body } = await this.get(`/inbox/${this.device}?after=${after}`);
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    const { value } = await reader.read();
    await reader.cancel();
    const lines = Buffer.from(value ?? new Uint8Array()).toString('utf8');
    return [...lines.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data as string) as InboxEvent);
  }
}

describe('the messenger’s backend', () => {
  let keyServer: Server;
  let app: App;
  const asked: { url: string; authorization: string | undefined; cookie: string | undefined; body: string }[] = [];
  let count = 0;
  const user = (name = `user-${count++}`): Promise<User> => new User(app, name).enter();

  beforeAll(async () => {
    keyServer = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => {
        const { authorization, cookie } = request.headers;
        asked.push({ url: request.url ?? '', authorization, cookie, body });
        response.end(JSON.stringify({ grant: 'gkg_1' }));
      });
    });
    await new Promise<void>((resolve) => keyServer.listen(0, '127.0.0.1', resolve));
    const { port } = keyServer.address() as AddressInfo;
    app = createBackend({
      keyServer: () => `http://127.0.0.1:${port}`,
      token: TOKEN,
      trustBundle: '{}',
      vault: {} as VaultServer,
      page: { folder: tmpdir(), names: [], of: () => 'none' },
    });
  });
  afterAll(() => keyServer.close());

  it('vouches for the name of the session, whatever is asked, and keeps the application token', async () => {
    const alice = await user('alice');
    const keyHash = Buffer.alloc(32, 1).toString('base64');
    const response = await alice.post('/grants', { keyHash });
    const text = await response.text();
    expect(JSON.parse(text)).toEqual({ grant: 'gkg_1' });
    expect(asked.at(-1)).toMatchObject({ url: '/v1/registration-grants', authorization: `Bearer ${TOKEN}` });
    expect(JSON.parse(asked.at(-1)?.body ?? '')).toEqual({ identity: 'acct:alice@messenger.example', key: keyHash });
    expect((await alice.post('/grants', { keyHash, identity: 'acct:bob@messenger.example' })).status).toBe(400);
    const stranger = new User(app, 'nobody');
    expect(await (await stranger.post('/grants', { keyHash })).json()).toEqual(code('not-logged-in'));
    expect([text, ...response.headers.values()].join(' ')).not.toContain(TOKEN);
  });

  it('passes what devices ask on to the key server, without cookies and tokens', async () => {
    const headers = { cookie: 'messenger-session=secret', authorization: `Bearer ${TOKEN}` };
    await app.request('http://a.localhost/keytrans/v1/lookup?x=1', { method: 'POST', headers, body: 'question' });
    expect(asked.at(-1)).toEqual({
      url: '/keytrans/v1/lookup?x=1',
      authorization: undefined,
      cookie: undefined,
      body: 'question',
    });
    expect((await app.request('http://a.localhost/metrics')).status).toBe(404);
  });

  it('answers a wrong password and a name that does not exist alike, and stops who guesses', async () => {
    await user('guessed');
    const guesser = new User(app, 'x');
    const answers = new Set<string>();
    for (const name of ['guessed', 'not-there'])
      answers.add(await (await guesser.post('/session', { name, password: 'wrong password' })).text());
    expect([...answers].map((text) => JSON.parse(text) as unknown)).toEqual([code('wrong-password')]);
    let last: Response | undefined;
    for (let i = 0; i < 10; i++) last = await guesser.post('/session', { name: 'guessed', password: `guess ${i}` });
    expect(last?.status).toBe(429);
    expect((await guesser.post('/accounts', { name: 'guessed', password: 'a long password' })).status).toBe(429);
  }, 60_000);

  it('refuses names that are taken or none, and pages of other origins', async () => {
    const one = new User(app, 'one');
    const asking = (name: string, headers = {}) =>
      one.post('/accounts', { name, password: 'a long password' }, headers);
    expect(await (await asking('Not A Name')).json()).toEqual(code('bad-name'));
    expect(await (await asking('vault')).json()).toEqual(code('name-taken'));
    expect(await (await asking('fine', { origin: 'http://b.localhost' })).json()).toEqual(code('other-origin'));
    expect((await asking('fine', { origin: 'http://a.localhost' })).status).toBe(201);
    expect(await (await asking('fine')).json()).toEqual(code('name-taken'));
  });

  it('gives an inbox to who holds the key, and to nobody else', async () => {
    const [alice, bob] = [await user(), await user()];
    await expect(alice.addDevice(bob.name)).rejects.toEqual(code('bad-proof'));
    expect(await (await bob.get(`/inbox/${alice.device}`)).json()).toEqual(code('not-your-device'));
    const note = { device: bob.device, to: alice.device, body: 'AAAA' };
    expect(await (await bob.post('/direct', { ...note, kind: 'note' })).json()).toEqual(code('not-your-device'));
    expect((await bob.post('/direct', { ...note, kind: 'call' })).status).toBe(200);
    expect(await alice.inbox()).toMatchObject([{ position: 1, kind: 'call', from: bob.name, body: 'AAAA' }]);
    await alice.post('/inbox/acknowledge', { device: alice.device, position: 1 });
    await bob.post('/direct', { ...note, kind: 'call', body: 'BBBB' });
    expect(await alice.inbox()).toMatchObject([{ position: 2, body: 'BBBB' }]);
  });

  it('accepts one commit for each epoch, and delivers to members alone', async () => {
    const [alice, bob, mallory] = [await user(), await user(), await user()];
    const group = 'a'.repeat(32);
    await alice.post('/groups', { group, device: alice.device });
    const added = [{ device: bob.device, keyPackage: 'k' }];
    const commit = { device: alice.device, epoch: 0, body: 'AAAA', welcome: 'BBBB', added, removed: [] };
    const path = `/groups/${group}/commits`;
    expect((await alice.post(path, commit)).status).toBe(200);
    expect(await bob.inbox()).toMatchObject([{ kind: 'welcome', group, keyPackage: 'k', body: 'BBBB' }]);
    const late = await alice.post(path, { ...commit, body: 'EEEE', added: [] });
    expect([late.status, await late.json()]).toEqual([409, code('epoch-over')]);
    expect((await alice.post(path, commit)).status).toBe(200); // once more, after a lost answer
    expect(await bob.inbox()).toHaveLength(1);
    const foreign = await mallory.post(path, { ...commit, device: mallory.device, epoch: 1, added: [] });
    expect(await foreign.json()).toEqual(code('no-such-group'));
    const lent = await mallory.post(`/groups/${group}/messages`, { device: alice.device, body: 'AAAA' });
    expect(await lent.json()).toEqual(code('not-your-device'));
    await bob.post(`/groups/${group}/messages`, { device: bob.device, body: 'CCCC' });
    expect(await alice.inbox()).toMatchObject([{ kind: 'message', body: 'CCCC', from: bob.name }]);
    await alice.post(path, { ...commit, epoch: 1, added: [], removed: [bob.device] });
    await alice.post(`/groups/${group}/messages`, { device: alice.device, body: 'DDDD' });
    expect((await bob.inbox(1)).map(({ kind }) => kind)).toEqual(['commit']);
  });

  it.each([
    ['too long', 'A'.repeat(65_536 * 2)],
    ['no base64', '<script>'],
    ['no text', 7],
  ])('refuses a body that is %s', async (_, body) => {
    const alice = await user();
    const response = await alice.post(`/groups/${'b'.repeat(32)}/messages`, { device: alice.device, body });
    expect(await response.json()).toEqual(code('bad-request'));
  });

  it('sets a policy that allows no inline code, and a cookie that no script reads', async () => {
    const response = await app.request('http://a.localhost/api/accounts', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'cookie', password: 'a long password' }),
    });
    expect(response.headers.get('set-cookie')).toMatch(/HttpOnly; Secure; SameSite=Strict/);
    expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self' /);
  });
});

describe('KeyPackages', () => {
  it('are given once each, and a stranger who asks for all gets the last-resort one', () => {
    let nowMs = 0;
    const kept = new KeyPackages(() => nowMs);
    kept.add('phone', { once: Array.from({ length: 20 }, (_, i) => `once-${i}`), lastResort: 'last' });
    const taken = Array.from({ length: 50 }, () => kept.take('phone', 'stranger'));
    expect(new Set(taken.slice(0, 3)).size).toBe(3);
    expect(new Set(taken.slice(3))).toEqual(new Set(['last']));
    expect(kept.left('phone')).toBe(17);
    expect(kept.take('phone', 'friend')).toBe('once-3');
    nowMs += 3_600_000;
    expect(kept.take('phone', 'stranger')).toBe('once-4');
  });

  it('never run out for a device that is asked for by many strangers', () => {
    const kept = new KeyPackages(() => 0);
    kept.add('phone', { once: ['a', 'b'], lastResort: 'last' });
    const taken = Array.from({ length: 100 }, (_, i) => kept.take('phone', `stranger-${i}`));
    expect(taken.filter((one) => one === 'last')).toHaveLength(98);
    expect(() => Array.from({ length: 201 }, () => kept.take('phone', 'one'))).toThrow(code('too-many') as never);
    expect(() => kept.take('nobody', 'friend')).toThrow(code('no-key-package') as never);
  });

  it('are bounded for each device', () => {
    const kept = new KeyPackages(() => 0);
    expect(kept.add('phone', { once: Array.from({ length: 150 }, String) })).toBe(100);
    expect(kept.add('phone', { once: ['more'] })).toBe(100);
  });
});

describe('bounds', () => {
  it('an inbox that is full refuses its senders, and loses nothing', () => {
    const inboxes = new Inboxes();
    const event = { kind: 'message', from: 'a', device: 'b', body: 'A'.repeat(1024 * 1024) } as const;
    for (let i = 0; i < 32; i++) inboxes.put('phone', event);
    expect(() => inboxes.assertRoom(['phone'])).toThrow(code('inbox-full') as never);
    expect(inboxes.after('phone', 0)).toHaveLength(32);
    inboxes.acknowledge('phone', 32);
    inboxes.assertRoom(['phone']);
  });

  it('buckets forget who came longest ago, and fill with time', () => {
    let nowMs = 0;
    const buckets = new TokenBuckets({ burst: 1, perMinute: 1, maxKeys: 2, now: () => nowMs });
    expect([buckets.take('a'), buckets.take('a'), buckets.take('b'), buckets.take('c'), buckets.take('b')]).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
    expect(buckets.take('a')).toBe(true);
    nowMs += 60_000;
    expect(buckets.take('b')).toBe(true);
  });
});
