import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupMark } from '../../src/client/backup/backup-file.ts';
import type { BackupKey } from '../../src/client/backup/backup-key.ts';
import type { OpenedBackup } from '../../src/client/backup/open-backup.ts';
import type { VaultTransport } from '../../src/client/backup/vault.ts';
import { MemoryState, type StateStore } from '../../src/client/state/client-state.ts';
import { ALICE, BackupWorld, type ExampleVault, VAULT } from '../support/backup-world.ts';
import { ROOT } from './test-titles.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });
const GUIDE = readFileSync(join(ROOT, 'docs/backup.md'), 'utf8');
const FILES = ['owner.mjs', 'vault.mjs', 'passkeys.mjs'].map((name) => `examples/vault/${name}`);

/** The functions of `examples/vault/owner.mjs`. */
interface OwnerModule {
  vaultAt(url: string): VaultTransport;
  setUpBackups(
    device: object,
  ): Promise<{ readonly backupKey: BackupKey; readonly password: string; readonly recoveryCode: string }>;
  backUp(device: object, key: BackupKey, previous: BackupMark | undefined, data: Uint8Array): Promise<BackupMark>;
  restore(device: object, password: string): Promise<OpenedBackup>;
}
interface ServerModule {
  serveVault(vault: ExampleVault, port: number): Promise<Server>;
  folderStorage(folder: string): object;
}

const load = (name: string): Promise<unknown> => import(pathToFileURL(join(ROOT, 'examples/vault', name)).href);

let world: BackupWorld;
let owner: OwnerModule;
let server: Server;
let url: string;
let folder: string;
beforeAll(async () => {
  world = await BackupWorld.start();
  owner = (await load('owner.mjs')) as OwnerModule;
  const { serveVault, folderStorage } = (await load('server.mjs')) as ServerModule;
  folder = mkdtempSync(join(tmpdir(), 'glasskey-vault-'));
  const { vault } = await world.vault({ storage: folderStorage(join(folder, 'accounts')) });
  server = await serveVault(vault, 0);
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  rmSync(folder, { recursive: true });
  await world.stop();
});

/** What the guide's functions take of a device. */
function deviceOf(store: StateStore) {
  const { phone: directory, key } = world;
  const openDirectory = (state: StateStore) => world.operator.client({ state });
  return { directory, key, store, openDirectory, name: ALICE, vaultName: VAULT, transport: owner.vaultAt(url) };
}

describe('the guide to backups', () => {
  it('shows code that is in the example', () => {
    const sources = FILES.map((file) => readFileSync(join(ROOT, file), 'utf8'));
    const shown = [...GUIDE.matchAll(/^```js\n(.*?)^```$/gms)].map(([, block = '']) => block);
    expect(shown.length).toBeGreaterThan(2);
    expect(shown.filter((block) => !sources.some((source) => source.includes(block)))).toEqual([]);
  });

  it('leads to a backup that comes back over HTTP', async () => {
    const phone = deviceOf(world.store);
    const { backupKey, password, recoveryCode } = await owner.setUpBackups(phone);
    expect(recoveryCode).toHaveLength(34);
    const first = await owner.backUp(phone, backupKey, undefined, Uint8Array.of(1));
    const second = await owner.backUp(phone, backupKey, first, Uint8Array.of(2));
    expect(second.sequence).toBe(2);
    await expect(owner.backUp(phone, backupKey, first, Uint8Array.of(3))).rejects.toEqual(code('version-conflict'));
    const store = new MemoryState();
    const opened = await owner.restore(deviceOf(store), password);
    expect(opened).toMatchObject({ mark: second, mayBeOld: true, author: { isCurrent: true } });
    expect(opened.content.data).toEqual(Uint8Array.of(2));
    const kept = readdirSync(join(folder, 'accounts'));
    expect(kept.toSorted()).toEqual([
      expect.stringMatching(/^[0-9a-f]{64}\.backup$/),
      expect.stringMatching(/\.json$/),
    ]);
    await expect((await world.operator.client({ state: store })).isKnown(ALICE)).resolves.toBe(true);
    await expect(owner.restore(deviceOf(new MemoryState()), `${password}x`)).rejects.toEqual(code('wrong-passphrase'));
  });

  it('has a server that refuses what it cannot read', async () => {
    const post = async (path: string, body: string) => {
      const response = await fetch(url + path, { method: 'POST', body });
      return [response.status, ((await response.json()) as { code: string }).code];
    };
    expect(await post('/nothing', '{}')).toEqual([404, 'not-found']);
    expect(await post('/toString', '{}')).toEqual([404, 'not-found']);
    expect(await post('/login/start', '{')).toEqual([400, 'invalid-request']);
    expect(await post('/login/start', JSON.stringify({ account: ALICE, request: 'AAAA' }))).toEqual([
      400,
      'malformed-encoding',
    ]);
    for (const member of ['account', 'request', 'proof', 'run']) {
      const order = { account: ALICE, request: 'AAAA', run: 'AAAA', [member]: { length: 40 } };
      expect(await post('/login/start', JSON.stringify(order))).toEqual([400, 'invalid-request']);
    }
    const passkey = { run: { length: 40 } };
    expect(await post('/fetch', JSON.stringify({ account: ALICE, passkey }))).toEqual([400, 'invalid-request']);
    expect(await post('/fetch', JSON.stringify({ account: ALICE }))).toEqual([401, 'unauthenticated']);
    expect(await post('/login/start', 'x'.repeat(20_000))).toEqual([400, 'payload-too-large']);
  });
});
