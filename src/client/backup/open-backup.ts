import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { assertNoOperatorsChange } from '../binding/unseen-changes.ts';
import { type CertifiedSignature, verifyCertified } from '../certified-signature.ts';
import { type BackupContent, decodeBackupContent } from './backup-content.ts';
import {
  assertNotOlder,
  type BackupHeader,
  backupMessage,
  type BackupMark,
  backupMarkOf,
  readBackup,
} from './backup-file.ts';
import { BackupKey } from './backup-key.ts';
import { openLock } from './backup-lock.ts';
import { openChunks } from './chunk-stream.ts';
import { recoveryCodeBytes } from './recovery-code.ts';
import type { BackupDirectory } from './seal-backup.ts';

/** One way to open a backup. */
export type BackupSecret =
  | { readonly kind: 'passkey'; /** The PRF's output, 32 bytes. */ readonly prf: Uint8Array }
  | { readonly kind: 'password'; /** From `Vault.logIn`. */ readonly exportKey: Uint8Array }
  | { readonly kind: 'recovery-code'; /** As its owner types it. */ readonly code: string }
  | { readonly kind: 'key'; /** The key that a device kept. */ readonly backupKey: BackupKey };

/** For {@link openBackup}. */
export interface OpenBackupOptions {
  /** The user's name. */
  readonly identity: string;
  readonly secret: BackupSecret;
  /** The newest backup that this device knows. Undefined only on a device that has lost its state. */
  readonly atLeast: BackupMark | undefined;
}

/** An opened backup. */
export interface OpenedBackup {
  readonly content: BackupContent;
  /** The key of the backup: the device keeps it for the next one. */
  readonly backupKey: BackupKey;
  readonly mark: BackupMark;
  /** When its device made it, by that device's clock: show it to the user. Ms since the epoch. */
  readonly timeMs: number;
  /** The device that made it, and the name's newest keys. Undefined if there was no directory to ask. */
  readonly author: CertifiedSignature | undefined;
  /** True without `atLeast`: nobody can tell then whether a newer backup is withheld. */
  readonly mayBeOld: boolean;
}

/**
 * Opens an untrusted backup, and verifies that a device of the name made it. Without a directory, the author is anybody
 * who had the backup key: only for a backup whose version the log no longer proves (`version-expired`), after asking
 * the user. Throws `malformed-encoding`, `wrong-passphrase`, `state-corrupt` for a damaged backup,
 * `version-rolled-back` for one that is older than `atLeast`, `other-log`, `bad-signature` for one of another name,
 * `keys-changed` if the operator may have put the author into the name, until `KeyDirectory.acknowledge`, and what
 * `verifyCertified` throws.
 */
export async function openBackup(
  directory: BackupDirectory | undefined,
  backup: Uint8Array,
  { identity, secret, atLeast }: OpenBackupOptions,
): Promise<OpenedBackup> {
  const { file, header } = readBackup(backup);
  ensure(header.identity === identity, 'bad-signature', `this backup claims to be of ${header.identity}`);
  const backupKey = await unlock(header, secret);
  if (directory !== undefined) {
    const { origin } = directory.trust.bundle;
    ensure(header.origin === origin, 'other-log', `this backup is of the log ${header.origin}, not of ${origin}`);
  }
  const author = directory && (await verifyCertified(directory, header, backupMessage(file), file.signature));
  if (author !== undefined) assertNoOperatorsChange(author.binding, header.version);
  const mark = backupMarkOf(backup, header);
  if (atLeast !== undefined) assertNotOlder(mark, atLeast);
  const chunkKey = backupKey.derive('backup chunks', header.salt, sha256(file.header));
  const content = decodeBackupContent(await openChunks(chunkKey, file.ciphertext));
  return { content, backupKey, mark, timeMs: header.timeMs, author, mayBeOld: atLeast === undefined };
}

/** Returns the backup key. Throws `wrong-passphrase` if no lock of the secret's kind opens, `state-corrupt`. */
async function unlock(header: BackupHeader, secret: BackupSecret): Promise<BackupKey> {
  const backupKey =
    secret.kind === 'key'
      ? secret.backupKey
      : BackupKey.from({ secret: await openAnyLock(header, secret.kind, secretBytes(secret)), locks: header.locks });
  const fits = equalBytes(backupKey.derive('backup check', header.salt), header.keyCheck);
  ensure(fits, secret.kind === 'key' ? 'wrong-passphrase' : 'state-corrupt', 'this is not the key of the backup');
  return backupKey;
}

function secretBytes(secret: Exclude<BackupSecret, { kind: 'key' }>): Uint8Array {
  if (secret.kind === 'passkey') return secret.prf;
  return secret.kind === 'password' ? secret.exportKey : recoveryCodeBytes(secret.code);
}

/** Tries the locks of a kind: a user may have two passkeys. */
async function openAnyLock(
  { locks }: BackupHeader,
  kind: Exclude<BackupSecret['kind'], 'key'>,
  secret: Uint8Array,
): Promise<Uint8Array> {
  for (const lock of locks.filter((one) => one.kind === kind)) {
    try {
      return await openLock(lock, secret);
    } catch (error) {
      if (!isGlasskeyError(error, 'wrong-passphrase')) throw error;
    }
  }
  throw new GlasskeyError('wrong-passphrase', `no ${kind} lock of this backup opens with what was given`);
}
