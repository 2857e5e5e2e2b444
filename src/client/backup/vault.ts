import { equalBytes, encodeUtf8 } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { ClientKey } from '../client-key.ts';
import type { BackupKey } from './backup-key.ts';
import { beginLogin, beginRegistration, type OpaqueParties } from './opaque-client.ts';
import { checkNewPassword, normalizePassword, type VaultPassword } from './password.ts';
import type { BackupDirectory } from './seal-backup.ts';
import { signVaultRequest, type VaultPurpose } from './vault-request.ts';
import { type VerifiedVault, verifyVaultStatement } from './vault-statement.ts';

/**
 * The way to a vault, by whatever the application has: HTTP, or its own channel. Nothing that it returns is trusted.
 * Accounts are canonical names. A `proof` is a signed request of a device (docs/spec.md#vaults).
 */
export interface VaultTransport {
  /** Returns the vault's signed statement. */
  statement(): Promise<Uint8Array>;
  startRegistration(account: string, request: string, proof: Uint8Array): Promise<VaultReply>;
  finishRegistration(account: string, run: string, record: string, proof: Uint8Array): Promise<void>;
  /** Rejects for too many guesses. */
  startLogin(account: string, request: string, proof: Uint8Array | undefined): Promise<VaultReply>;
  /** Returns the account's newest backup once the vault has seen that the password is right. */
  finishLogin(account: string, run: string, message: string): Promise<Uint8Array>;
}

/** A vault's reply to the first message of OPAQUE. */
export interface VaultReply {
  /** The message of OPAQUE, base64url. */
  readonly reply: string;
  /** Names the run in the next call. */
  readonly run: string;
}

/** A user at a vault. */
export interface VaultAccount {
  /** The user's name, canonical. */
  readonly identity: string;
  /** A key of a device that the name has. Without it, a login counts as a stranger's, or as a session's. */
  readonly key?: ClientKey | undefined;
}

/** A user's device at a vault. */
export type DeviceAccount = VaultAccount & { readonly key: ClientKey };

/** A vault whose key in the log was verified: it helps to stretch a password, and keeps backups. */
export class Vault {
  readonly #directory: BackupDirectory;
  readonly #transport: VaultTransport;
  /** Name and keys of the vault, as the log has them. */
  readonly verified: VerifiedVault;

  private constructor(directory: BackupDirectory, transport: VaultTransport, verified: VerifiedVault) {
    this.#directory = directory;
    this.#transport = transport;
    this.verified = verified;
  }

  /**
   * Looks a vault up under its name (canonical) in the log. Throws what `verifyVaultStatement` and the transport throw.
   */
  static async open(directory: BackupDirectory, name: string, transport: VaultTransport): Promise<Vault> {
    const verified = await verifyVaultStatement(directory, name, await transport.statement());
    return new Vault(directory, transport, verified);
  }

  /**
   * Sets or replaces an account's password, and returns the backup key with a lock for it in place of an earlier
   * password. A device signs for it. Backups made before keep the lock of the old password: if somebody may know that
   * one, begin with a new backup key. Throws `usage` for a password that is too easy to guess, `bad-key` if the vault
   * runs OPAQUE with another key than it has signed, `bad-response`, `platform-unsupported`, and what the transport
   * throws.
   */
  async setPassword(
    { identity, key }: DeviceAccount,
    password: VaultPassword,
    backupKey: BackupKey,
  ): Promise<BackupKey> {
    const { request, finish } = await beginRegistration(checkNewPassword(password), this.#parties(identity));
    const sign = (body: string): Promise<Uint8Array> => this.#sign({ identity, key }, 'set-password', body);
    const { reply, run } = await this.#transport.startRegistration(identity, request, await sign(request));
    const finished = finish(reply);
    ensure(finished !== undefined, 'bad-response', 'the vault did not finish the registration');
    this.#assertKey(finished.serverKey);
    await this.#transport.finishRegistration(identity, run, finished.message, await sign(finished.message));
    const plan = { kind: 'password', vault: this.verified.identity } as const;
    return backupKey.without('password').lockedWith(plan, finished.exportKey);
  }

  /**
   * Logs in with a password: returns the account's newest backup, untrusted, and the secret that opens its password
   * lock. Throws `wrong-passphrase` for a wrong password, an unknown account, and a vault that does not hold the
   * account's record: nobody can tell these apart. Throws `bad-key`, `bad-response`, `platform-unsupported`, and what
   * the transport throws, such as for too many guesses.
   */
  async logIn(
    { identity, key }: VaultAccount,
    password: string,
  ): Promise<{ readonly exportKey: Uint8Array; readonly backup: Uint8Array }> {
    const { request, finish } = await beginLogin(normalizePassword(password), this.#parties(identity));
    const proof = key && (await this.#sign({ identity, key }, 'log-in', request));
    const { reply, run } = await this.#transport.startLogin(identity, request, proof);
    const finished = finish(reply);
    if (finished === undefined) {
      throw new GlasskeyError('wrong-passphrase', 'the password is wrong, or this vault does not know the account');
    }
    this.#assertKey(finished.serverKey);
    const backup = await this.#transport.finishLogin(identity, run, finished.message);
    return { exportKey: finished.exportKey, backup };
  }

  #parties(client: string): OpaqueParties {
    return { client, server: this.verified.identity };
  }

  #sign({ identity, key }: DeviceAccount, purpose: VaultPurpose, body: string): Promise<Uint8Array> {
    const vault = this.verified.identity;
    return signVaultRequest(this.#directory, identity, key, { vault, purpose, body: encodeUtf8(body) });
  }

  /** Throws `bad-key` if OPAQUE ran with another key than the one that the vault's name has signed. */
  #assertKey(serverKey: Uint8Array): void {
    const message = `${this.verified.identity} ran OPAQUE with another key than it signed: it may have been swapped`;
    ensure(equalBytes(serverKey, this.verified.opaqueKey), 'bad-key', message);
  }
}
