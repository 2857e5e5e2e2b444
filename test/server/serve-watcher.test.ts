import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { WatcherClient } from '../../src/client/watcher-client.ts';
import { serveWatcher, type RunningWatcher } from '../../src/server/serve-watcher.ts';
import { type LyingOperator, LyingOperator as Operator } from '../support/lying-operator.ts';
import { startMailServer, type TestMailServer } from '../support/mail-server.ts';
import { until } from '../support/until.ts';
import { BY_OPERATOR } from '../support/victims.ts';

const BOB = 'bob@example.com';
const ADDRESS = 'mailto:bob@elsewhere.example';

let operator: LyingOperator;
let mail: TestMailServer;
let data: string;
let watcher: RunningWatcher;
beforeAll(async () => {
  operator = await Operator.start({ configuration: { maxBehindMs: 86_400_000 } });
  mail = await startMailServer();
  data = await mkdtemp(join(tmpdir(), 'glasskey-serve-watcher-'));
  watcher = await start();
});
afterAll(async () => {
  await watcher.stop();
  await mail.close();
  await operator.stop();
  await rm(data, { recursive: true });
});

function start(): Promise<RunningWatcher> {
  const smtp = { host: '127.0.0.1', port: mail.port, tls: false, user: undefined, password: undefined };
  return serveWatcher({
    data,
    server: operator.server.url,
    trust: operator.server.bundle,
    listen: '127.0.0.1:0',
    url: undefined,
    intervalMs: 50,
    names: 2,
    peers: [],
    perSecond: 100,
    mail: { smtp, from: 'watch@watch.example' },
    contact: undefined,
    egress: { timeoutMs: 1_000 },
    now: operator.server.log.clock.now,
  });
}

const get = (path: string): Promise<Response> => fetch(watcher.url + path);
const mailWith = async (words: string): Promise<string> => {
  await until(() => mail.mails.some(({ raw }) => raw.includes(words)));
  return mail.mails.find(({ raw }) => raw.includes(words))!.raw.replaceAll('=\r\n', '');
};

describe('a served watcher', () => {
  it('takes a mandate, confirms an address by mail, and tells there and in a feed of a false version', async () => {
    const key = await generateKey();
    const state = new MemoryState();
    const owner = await operator.client({ state });
    await owner.register(BOB, { token: operator.server.log.token, key });
    const client = new WatcherClient(watcher.url);
    await until(async () => (await get('/healthz')).status === 200);
    const shown = await client.describe();
    expect(Buffer.from(shown.key).toString('base64')).toBe(watcher.publicKey);
    const addresses = [ADDRESS, 'feed'];
    const mandate = await owner.watchMandate(BOB, key, { watcher: shown.key, addresses, lifetimeMs: 86_400_000 });
    const answer = await client.send(BOB, mandate, addresses);
    expect(answer).toMatchObject({ change: 'new', addresses: [{ state: 'sent' }, { state: 'confirmed' }] });
    const feed = new URL(answer.addresses[1]?.feed ?? '').pathname;
    const code = /Code: (\S+)/.exec(await mailWith('Code: '))?.[1] ?? '';
    await expect(client.confirm(`${code.slice(0, -1)}g`)).rejects.toMatchObject({ code: 'code-refused' });
    const form = { method: 'POST', body: new URLSearchParams({ code }) };
    expect(await (await fetch(`${watcher.url}/confirm`, form)).text()).toContain(`every change of ${BOB}`);
    const certificates = [await operator.certify(BOB, (await generateKey()).spki)];
    await operator.appendRecord(BOB, { certificates, authorization: BY_OPERATOR });
    expect(await mailWith('has a version 1')).toContain('ALARM');
    const atom = await get(feed);
    expect(await atom.text()).toContain(`ALARM: ${BOB} has a version 1 that you may not have made`);
    expect(atom.headers.get('cache-control')).toBe('private, no-store');
    expect(atom.headers.get('referrer-policy')).toBe('no-referrer');
    expect(atom.headers.get('access-control-allow-origin')).toBeNull();
    expect((await get(`${feed.slice(0, -1)}${feed.endsWith('0') ? '1' : '0'}`)).status).toBe(404);
    const agreement = await owner.compareCheckpoint(await client.checkpoint());
    expect(agreement.size).toBeGreaterThan(1);
    expect(await (await get('/metrics')).text()).toContain('glasskey_watch_told_total{wording="alarm"} 1');
    const page = await get('/');
    expect(await page.text()).toContain('All of the log verifies.');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('keeps its files private and its secrets out of them, and goes on after a restart', async () => {
    const journal = await readFile(join(data, 'watch.journal'), 'utf8');
    expect(journal).not.toMatch(/[0-9a-f]{24}\.[0-9a-f]{64}/);
    for (const name of await readdir(data)) {
      const found = await stat(join(data, name));
      expect([name, found.mode & 0o077]).toEqual([name, 0]);
    }
    await watcher.stop();
    watcher = await start();
    await until(async () => (await get('/healthz')).status === 200);
    const certificates = [await operator.certify(BOB, (await generateKey()).spki)];
    await operator.appendRecord(BOB, { certificates, authorization: BY_OPERATOR });
    expect(await mailWith('has a version 2')).toContain('ALARM');
  });

  it.each<[string, RequestInit, number]>([
    ['no JSON', { body: 'x' }, 400],
    ['another type', { body: '{}', headers: { 'content-type': 'text/plain' } }, 415],
    ['too much', { body: JSON.stringify({ identity: 'x'.repeat(50_000) }) }, 413],
    ['unknown members', { body: JSON.stringify({ identity: BOB, mandate: 'x', addresses: [], more: 1 }) }, 400],
    [
      'too many addresses',
      { body: JSON.stringify({ identity: BOB, mandate: 'x', addresses: Array(9).fill('feed') }) },
      400,
    ],
    ['no mandate', { body: JSON.stringify({ identity: BOB, mandate: 'x', addresses: [] }) }, 400],
    ['a code of somebody else', { body: JSON.stringify({ code: 'x' }) }, 400],
  ])('refuses %s', async (_, init, status) => {
    const request = { method: 'POST', headers: { 'content-type': 'application/json' }, ...init };
    expect((await fetch(`${watcher.url}/v1/mandates`, request)).status).toBe(status);
  });
});
