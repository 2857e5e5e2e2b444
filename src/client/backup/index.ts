/**
 * Sealed backups of a client's state and an application's data: opened by a passkey, by a password with the help of a
 * vault, or by a recovery code. The vault's key is looked up in the log. Passwords need the optional peer
 * `@serenity-kit/opaque`. Runs in Node and in browsers.
 */
export { type BackupContent, MAX_DATA_BYTES } from './backup-content.ts';
export { type BackupHeader, type BackupMark, MAX_BACKUP_BYTES, readBackup } from './backup-file.ts';
export { BackupKey, MAX_LOCKS } from './backup-key.ts';
export { type BackupLock, type LockPlan } from './backup-lock.ts';
export { openBackup, type OpenBackupOptions, type BackupSecret, type OpenedBackup } from './open-backup.ts';
export {
  askPasskey,
  type CredentialSource,
  type PasskeyAnswer,
  type PasskeyAssertion,
  type PasskeyRequest,
  PASSKEY_PRF_INPUT,
} from './passkey-prf.ts';
export { generatePassword, MINIMUM_CHOSEN_LENGTH, MINIMUM_ESTIMATED_BITS, type VaultPassword } from './password.ts';
export { generateRecoveryCode, recoveryCodeBytes, recoveryTicket } from './recovery-code.ts';
export { type BackupDirectory, sealBackup, type SealBackupOptions } from './seal-backup.ts';
export { type DeviceAccount, Vault, type VaultAccount, type VaultReply, type VaultTransport } from './vault.ts';
export { signVaultRequest, type VaultPurpose, type VaultRequestSubject, verifyVaultRequest } from './vault-request.ts';
export { signVaultStatement, type VerifiedVault, verifyVaultStatement } from './vault-statement.ts';
export { restoreState } from '../state/state-transfer.ts';
