import * as opaque from '@serenity-kit/opaque';
import { generateKey, KeyDirectory, MemoryState, parseTrustBundle } from 'glasskey';
import { readBackup, signVaultStatement, verifyVaultRequest } from 'glasskey/backup';
import { VaultServer, type VaultRecord } from '../../vault/vault.mjs';
import { LIMITS, VAULT_IDENTITY } from '../shared/protocol.ts';
import { allow } from './refusal.ts';

/** Where the key server is, how the vault registers its own name there, and the bundle that it trusts. */
export interface VaultOptions {
  readonly keyServer: string;
  readonly token: string;
  readonly trustBundle: string;
}

/** Most accounts with a backup. They are in memory: a vault has a disk (`examples/vault/server.mjs`). */
const MAX_BACKUPS = 500;

/**
 * Opens the vault that keeps the backups of this messenger. Its key is in the log under a name of its own, so that a
 * vault which was swapped is seen. It can open no backup, but it can guess passwords: so they are generated.
 */
export async function openVault({ keyServer, token, trustBundle }: VaultOptions): Promise<VaultServer> {
  await opaque.ready;
  const bundle = parseTrustBundle(trustBundle);
  const directory = await KeyDirectory.open({ server: keyServer, bundle, state: new MemoryState() });
  const key = await generateKey();
  await directory.register(VAULT_IDENTITY, { token, key });
  const serverSetup = opaque.server.createSetup();
  const opaqueKey = new Uint8Array(Buffer.from(opaque.server.getPublicKey(serverSetup), 'base64url'));
  return new VaultServer({
    opaque,
    serverSetup,
    identity: VAULT_IDENTITY,
    statement: await signVaultStatement(directory, VAULT_IDENTITY, key, opaqueKey),
    readBackup,
    storage: memoryStorage(),
    verifyPasskey: async () => false,
    verifyDevice: async (proof, order) => {
      const { certificate, binding } = await verifyVaultRequest(directory, proof, { ...order, vault: VAULT_IDENTITY });
      return { identity: binding.identity, device: certificate.spkiSha256 };
    },
  });
}

function memoryStorage() {
  const records = new Map<string, VaultRecord>();
  const backups = new Map<string, Uint8Array>();
  return {
    read: async (account: string) => records.get(account),
    write: async (account: string, record: VaultRecord) => void records.set(account, record),
    readBackup: async (account: string) => backups.get(account),
    writeBackup: async (account: string, backup: Uint8Array) => {
      allow(backup.length <= LIMITS.backupBytes, 413, 'too-large', 'The backup is too large.');
      allow(backups.has(account) || backups.size < MAX_BACKUPS, 507, 'full', 'The vault is full.');
      backups.set(account, backup);
    },
  };
}
