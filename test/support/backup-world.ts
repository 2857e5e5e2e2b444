import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as opaque from '@serenity-kit/opaque';
import type { BackupContent } from '../../src/client/backup/backup-content.ts';
import { readBackup } from '../../src/client/backup/backup-file.ts';
import { BackupKey } from '../../src/client/backup/backup-key.ts';
import { generatePassword } from '../../src/client/backup/password.ts';
import { sealBackup, type SealBackupOptions } from '../../src/client/backup/seal-backup.ts';
import { Vault, type VaultReply, type VaultTransport } from '../../src/client/backup/vault.ts';
import {
  signVaultRequest,
  type VaultPurpose,
  type VaultRequestSubject,
  verifyVaultRequest,
} from '../../src/client/backup/vault-request.ts';
import { signVaultStatement } from '../../src/client/backup/vault-statement.ts';
import { type DeviceKey, generateKey } from '../../src/client/client-key.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState, type StateStore } from '../../src/client/state/client-state.ts';
import { formatHex, parseBase64 } from '../../src/core/encoding/bytes.ts';
import { LyingOperator } from './lying-operator.ts';

export const ALICE = 'alice@example.com';
export const VAULT = 'acct:vault@chat.example';

/** Proof of a device, or the application's session. */
interface DoorKeys {
  readonly proof?: Uint8Array | undefined;
  readonly session?: string | undefined;
}

/** The vault of `examples/vault/`, as TypeScript sees it. */
export interface ExampleVault {
  statement(): Promise<Uint8Array>;
  startRegistration(account: string, request: string, proof: Uint8Array): Promise<VaultReply>;
  finishRegistration(account: string, run: string, record: string, proof: Uint8Array): Promise<void>;
  startLogin(account: string, request: string, keys?: DoorKeys): Promise<VaultReply>;
  finishLogin(account: string, run: string, message: string): Promise<Uint8Array>;
  storeBackup(account: string, backup: Uint8Array, proof: Uint8Array): Promise<void>;
  fetchBackup(
    account: string,
    keys: {
      readonly proof?: Uint8Array;
      readonly ticket?: Uint8Array;
      readonly passkey?: { readonly run: string; readonly assertion: unknown };
    },
  ): Promise<Uint8Array>;
  setTicket(account: string, ticketSha256: Uint8Array, proof: Uint8Array): Promise<void>;
  addPasskey(account: string, passkey: string, proof: Uint8Array): Promise<void>;
  startPasskey(account: string): { readonly challenge: string; readonly run: string };
}

interface VaultModule {
  readonly VaultServer: new (parts: object) => ExampleVault;
}

const EXAMPLE = pathToFileURL(resolve(import.meta.dirname, '../../examples/vault/vault.mjs')).href;

/** What differs from vault to vault. */
export interface VaultDifferences {
  readonly limits?: object;
  readonly verifyPasskey?: (passkeys: readonly string[], assertion: unknown, challenge: string) => Promise<boolean>;
  readonly statement?: Uint8Array;
  /** Of another vault, with its accounts. */
  readonly serverSetup?: string;
  readonly accounts?: Map<string, object>;
  readonly backups?: Map<string, Uint8Array>;
  readonly now?: () => number;
  /** Default: in memory. */
  readonly storage?: object;
}

/** A vault, its secret, and the accounts that it has stored. */
export interface RunningVault {
  readonly vault: ExampleVault;
  readonly serverSetup: string;
  readonly accounts: Map<string, object>;
  readonly backups: Map<string, Uint8Array>;
}

/** A log with Alice and a vault in it. */
export class BackupWorld {
  readonly operator: LyingOperator;
  readonly vaultKey: DeviceKey;
  readonly key: DeviceKey;
  readonly store: StateStore;
  readonly phone: KeyDirectory;

  private constructor(parts: Pick<BackupWorld, 'operator' | 'vaultKey' | 'key' | 'store' | 'phone'>) {
    this.operator = parts.operator;
    this.vaultKey = parts.vaultKey;
    this.key = parts.key;
    this.store = parts.store;
    this.phone = parts.phone;
  }

  static async start(): Promise<BackupWorld> {
    const operator = await LyingOperator.start();
    const { token } = operator.server.log;
    const store = new MemoryState();
    const phone = await operator.client({ state: store });
    const [key, vaultKey] = [await generateKey({ type: 'ed25519' }), await generateKey()];
    await phone.register(ALICE, { token, key });
    await (await operator.client()).register(VAULT, { token, key: vaultKey });
    return new BackupWorld({ operator, vaultKey, key, store, phone });
  }

  stop(): Promise<void> {
    return this.operator.stop();
  }

  get nowMs(): number {
    return this.operator.server.log.clock.now();
  }

  /** A client that knows nothing, as on a new phone. */
  newDevice(): Promise<KeyDirectory> {
    return this.operator.client();
  }

  /** Starts a vault that is as the world's but for some differences. */
  async vault(differences: VaultDifferences = {}): Promise<RunningVault> {
    await opaque.ready;
    const directory = await this.newDevice();
    const {
      serverSetup = opaque.server.createSetup(),
      accounts = new Map(),
      backups = new Map(),
      ...rest
    } = differences;
    const { VaultServer } = (await import(EXAMPLE)) as VaultModule;
    const vault = new VaultServer({
      opaque,
      serverSetup,
      identity: VAULT,
      statement: await signVaultStatement(directory, VAULT, this.vaultKey, opaqueKeyOf(serverSetup)),
      verifyDevice: async (proof: Uint8Array, order: Pick<VaultRequestSubject, 'purpose' | 'body'>) => {
        const subject = { ...order, vault: VAULT, nowMs: Date.now() };
        const { certificate, binding } = await verifyVaultRequest(directory, proof, subject);
        return { identity: binding.identity, device: certificate.spkiSha256 };
      },
      verifyPasskey: async () => false,
      readBackup,
      storage: {
        read: async (account: string) => accounts.get(account),
        write: async (account: string, record: object) => void accounts.set(account, record),
        readBackup: async (account: string) => backups.get(account),
        writeBackup: async (account: string, backup: Uint8Array) => void backups.set(account, backup),
      },
      now: () => this.nowMs,
      ...rest,
    });
    return { vault, serverSetup, accounts, backups };
  }

  /** Opens a vault over a transport without a network. */
  async openVault(vault: ExampleVault, session?: string): Promise<Vault> {
    return Vault.open(await this.newDevice(), VAULT, transportTo(vault, session));
  }

  /** Signs a request of Alice's phone. */
  sign(purpose: VaultPurpose, body: Uint8Array, key: DeviceKey = this.key): Promise<Uint8Array> {
    return signVaultRequest(this.phone, ALICE, key, { vault: VAULT, purpose, body });
  }

  /** What a backup holds. */
  async content(data: Uint8Array = Uint8Array.of(1, 2, 3)): Promise<BackupContent> {
    const state = await this.store.transact(async (current) => ({ result: current }));
    return { label: 'Alice’s phone', state, data };
  }

  /** Seals a backup of Alice's phone. */
  async seal(options: Partial<SealBackupOptions> & { readonly data?: Uint8Array } = {}) {
    const { data, ...rest } = options;
    const backupKey = rest.backupKey ?? (await passkeyLocked());
    const sealed = await sealBackup(this.phone, await this.content(data), {
      identity: ALICE,
      key: this.key,
      previous: undefined,
      nowMs: this.nowMs,
      ...rest,
      backupKey,
    });
    return { ...sealed, backupKey };
  }

  /** Sets Alice's password at a vault and stores a backup there. */
  async withPassword(vault: ExampleVault) {
    const password = generatePassword();
    const opened = await this.openVault(vault);
    const backupKey = await opened.setPassword({ identity: ALICE, key: this.key }, { text: password }, newKey());
    const { backup, mark } = await this.seal({ backupKey });
    await vault.storeBackup(ALICE, backup, await this.sign('store-backup', backup));
    return { password, backupKey, backup, mark };
  }
}

/** The PRF output of a passkey that {@link passkeyLocked} uses. */
export const PRF: Uint8Array = new Uint8Array(32).fill(7);

/** A backup key without locks. */
export const newKey = (): BackupKey => BackupKey.generate();

/** A backup key that a passkey opens. */
export function passkeyLocked(): Promise<BackupKey> {
  return newKey().lockedWith({ kind: 'passkey', credentialId: Uint8Array.of(9) }, PRF);
}

/** The static public key of an OPAQUE server. */
export function opaqueKeyOf(serverSetup: string): Uint8Array {
  const text = opaque.server.getPublicKey(serverSetup).replaceAll('-', '+').replaceAll('_', '/');
  return parseBase64(text.padEnd(Math.ceil(text.length / 4) * 4, '='));
}

/** A transport that calls a vault. */
export function transportTo(vault: ExampleVault, session?: string): VaultTransport {
  return {
    statement: () => vault.statement(),
    startRegistration: (account, request, proof) => vault.startRegistration(account, request, proof),
    finishRegistration: (account, run, record, proof) => vault.finishRegistration(account, run, record, proof),
    startLogin: (account, request, proof) => vault.startLogin(account, request, { proof, session }),
    finishLogin: (account, run, message) => vault.finishLogin(account, run, message),
  };
}

/** True if `bytes` hold `part`. */
export function contains(bytes: Uint8Array, part: Uint8Array): boolean {
  return formatHex(bytes).includes(formatHex(part));
}
