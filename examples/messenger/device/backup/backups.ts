import { KeyDirectory, MemoryState } from 'glasskey';
import {
  BackupKey,
  type BackupMark,
  generatePassword,
  openBackup,
  restoreState,
  sealBackup,
  signVaultRequest,
  Vault,
} from 'glasskey/backup';
import { identityOf, VAULT_IDENTITY } from '../../shared/protocol.ts';
import { utf8 } from '../bytes.ts';
import { type Device, type Me, readTrustBundle } from '../device.ts';
import { type Chat, readChats, systemLine, withLines } from '../mls/chat.ts';
import { BackendVault } from './vault-transport.ts';

/** The key of this device's backups, and the newest backup that it knows. */
interface StoredBackups {
  readonly backupKey: Uint8Array;
  readonly mark: BackupMark | undefined;
}

/** Most characters of the chats in a backup. */
const MAX_HISTORY = 8_000_000;

/**
 * Seals the chats and the memory of this device, and hands them to the vault. Returns the password the first time: the
 * user writes it down. No key of a device or of a group is in it: a new device gets its own.
 */
export async function backUp(device: Device, me: Me, chats: readonly Chat[]): Promise<string | undefined> {
  const { directory, storage, state: store } = device;
  const transport = new BackendVault();
  const known = await storage.get<StoredBackups>('backups');
  const begun = known === undefined ? await begin(device, me, transport) : undefined;
  const backupKey = begun?.backupKey ?? BackupKey.from(known?.backupKey ?? new Uint8Array());
  const state = await store.transact(async (current) => ({ result: current }));
  const content = { label: `a device of ${me.name}`, state, data: utf8(JSON.stringify(chats)) };
  const order = { identity: me.identity, key: me.key, backupKey, previous: known?.mark };
  const { backup, mark } = await sealBackup(directory, content, order);
  const subject = { vault: VAULT_IDENTITY, purpose: 'store-backup', body: backup } as const;
  await transport.store(backup, await signVaultRequest(directory, me.identity, me.key, subject));
  // The password is shown only once the vault has a backup that it opens.
  await storage.put({ backups: { backupKey: backupKey.exportBytes(), mark } satisfies StoredBackups });
  return begun?.password;
}

async function begin({ directory }: Device, { identity, key }: Me, transport: BackendVault) {
  const password = generatePassword();
  const vault = await Vault.open(directory, VAULT_IDENTITY, transport);
  const backupKey = await vault.setPassword({ identity, key }, { text: password }, BackupKey.generate());
  return { password, backupKey };
}

/**
 * On a device that has been added to nothing yet: opens the newest backup with its password, and puts chats and memory
 * back. Open the device anew afterwards. It asks with a directory that remembers nothing, so that the memory which
 * comes back is the only one, and holds the log to what the old device saw.
 */
export async function restoreBackup({ storage, state }: Device, name: string, password: string): Promise<void> {
  const identity = identityOf(name);
  const directory = await KeyDirectory.open({
    server: location.origin,
    bundle: await readTrustBundle(),
    state: new MemoryState(),
  });
  const vault = await Vault.open(directory, VAULT_IDENTITY, new BackendVault());
  const { exportKey, backup } = await vault.logIn({ identity }, password.trim());
  const secret = { kind: 'password', exportKey } as const;
  const { content, timeMs, backupKey, mark } = await openBackup(directory, backup, {
    identity,
    secret,
    atLeast: undefined,
  });
  // This device knows only what it has seen since it was opened.
  await restoreState(state, content.state, { overwrite: true });
  const line = systemLine(`Restored from a backup of ${new Date(timeMs).toLocaleString()}.`);
  const chats = readHistory(content.data).map((chat) => withLines({ ...chat, isClosed: true }, line));
  await storage.put({
    ...Object.fromEntries(chats.map((chat) => [`chat:${chat.id}`, chat])),
    backups: { backupKey: backupKey.exportBytes(), mark } satisfies StoredBackups,
  });
}

function readHistory(data: Uint8Array): readonly Chat[] {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(data);
  if (text.length > MAX_HISTORY) throw new Error('The backup holds more than this device takes.');
  return readChats(text);
}
