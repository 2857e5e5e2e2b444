// What an app does for its user's backups. `docs/backup.md` explains each step.
import { MemoryState } from 'glasskey';
import {
  BackupKey,
  generatePassword,
  generateRecoveryCode,
  openBackup,
  recoveryCodeBytes,
  restoreState,
  sealBackup,
  signVaultRequest,
  Vault,
} from 'glasskey/backup';

const base64 = (bytes) => (bytes === undefined ? undefined : Buffer.from(bytes).toString('base64'));

/** The way to the vault over HTTP. */
export function vaultAt(url) {
  const post = async (path, order, body) => {
    const headers = body === undefined ? {} : { 'x-vault-order': JSON.stringify(order) };
    const response = await fetch(url + path, { method: 'POST', headers, body: body ?? JSON.stringify(order) });
    if (response.ok) return response;
    const { code, message } = await response.json();
    throw Object.assign(new Error(message), { code });
  };
  const bytesOf = async (response) => new Uint8Array(await (await response).arrayBuffer());
  return {
    statement: () => bytesOf(post('/statement', {})),
    startRegistration: async (account, request, proof) =>
      (await post('/registration/start', { account, request, proof: base64(proof) })).json(),
    finishRegistration: async (account, run, record, proof) => {
      await post('/registration/finish', { account, run, record, proof: base64(proof) });
    },
    startLogin: async (account, request, proof) =>
      (await post('/login/start', { account, request, proof: base64(proof) })).json(),
    finishLogin: (account, run, message) => bytesOf(post('/login/finish', { account, run, message })),
    store: (account, backup, proof) => post('/store', { account, proof: base64(proof) }, backup),
  };
}

/** Once: a key for this user's backups, with a lock for each way to open them. Show both texts to the user. */
export async function setUpBackups({ directory, key, name, vaultName, transport }) {
  const recoveryCode = generateRecoveryCode();
  const password = generatePassword();
  const vault = await Vault.open(directory, vaultName, transport);
  const locked = await BackupKey.generate().lockedWith({ kind: 'recovery-code' }, recoveryCodeBytes(recoveryCode));
  const backupKey = await vault.setPassword({ identity: name, key }, { text: password }, locked);
  return { backupKey, password, recoveryCode }; // keep `backupKey.exportBytes()` where the private key is kept
}

/** Each night: seals a backup and hands it to the vault. Keep the mark beside the state. */
export async function backUp({ directory, store, key, name, vaultName, transport }, backupKey, previous, data) {
  const state = await store.transact(async (current) => ({ result: current }));
  const content = { label: 'my phone', state, data };
  const { backup, mark } = await sealBackup(directory, content, { identity: name, key, backupKey, previous });
  const order = { vault: vaultName, purpose: 'store-backup', body: backup };
  await transport.store(name, backup, await signVaultRequest(directory, name, key, order));
  return mark;
}

/** On a new device: asks with a directory that remembers nothing, so that the restored state is the only memory. */
export async function restore({ openDirectory, store, name, vaultName, transport }, password) {
  const directory = await openDirectory(new MemoryState()); // KeyDirectory.open({ server, bundle, state })
  const vault = await Vault.open(directory, vaultName, transport);
  const { exportKey, backup } = await vault.logIn({ identity: name }, password);
  const secret = { kind: 'password', exportKey };
  const opened = await openBackup(directory, backup, { identity: name, secret, atLeast: undefined });
  await restoreState(store, opened.content.state);
  return opened; // show `timeMs`, `content.label` and `author.isCurrent` to the user, then make a new device key
}
