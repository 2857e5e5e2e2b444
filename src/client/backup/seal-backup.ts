import { sha256 } from '../../core/crypto/sha256.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { encode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { ClientKey } from '../client-key.ts';
import { type CertifiedClaim, claimOf, type KeyFinder } from '../certified-signature.ts';
import type { KeyDirectory } from '../key-directory.ts';
import { platformRandom } from '../platform.ts';
import { type BackupContent, encodeBackupContent } from './backup-content.ts';
import {
  backupFileCodec,
  type BackupHeader,
  backupMessage,
  type BackupMark,
  encodeBackupHeader,
  backupMarkOf,
} from './backup-file.ts';
import type { BackupKey } from './backup-key.ts';
import { sealChunks } from './chunk-stream.ts';

/** The parts of a directory that backups need. */
export type BackupDirectory = KeyFinder & Pick<KeyDirectory, 'trust'>;

/** For {@link sealBackup}. */
export interface SealBackupOptions {
  /** The user's name. */
  readonly identity: string;
  /** A key that the name's newest record certifies. It signs the backup, and is not in it. */
  readonly key: ClientKey;
  readonly backupKey: BackupKey;
  /** The mark of the newest backup that this device knows. Undefined for the first one. */
  readonly previous: BackupMark | undefined;
  /** Ms since the epoch. Default: `Date.now()`. */
  readonly nowMs?: number | undefined;
  /** Secure random bytes; default: the platform's. */
  readonly random?: ((length: number) => Uint8Array) | undefined;
}

/**
 * Seals a backup (docs/spec.md#backups), signed by a device of the name. Store the `mark` beside the device's state
 * once the vault has taken the backup: `openBackup` recognises an older one by it. Throws `usage` for a backup key
 * without locks or content that is too large, `identity-not-found`, `certificate-not-in-record` for a key that the name
 * does not have, and what a lookup throws.
 */
export async function sealBackup(
  directory: BackupDirectory,
  content: BackupContent,
  { identity, key, backupKey, previous, nowMs = Date.now(), random = platformRandom }: SealBackupOptions,
): Promise<{ readonly backup: Uint8Array; readonly mark: BackupMark }> {
  ensure(backupKey.locks.length > 0, 'usage', 'a backup without a lock could never be opened: add one to its key');
  const plaintext = encodeBackupContent(content);
  const salt = random(32);
  const header: BackupHeader = {
    ...(await currentClaim(directory, identity, key)),
    origin: directory.trust.bundle.origin,
    sequence: (previous?.sequence ?? 0) + 1,
    timeMs: nowMs,
    salt,
    keyCheck: backupKey.derive('backup check', salt),
    locks: backupKey.locks,
  };
  const encoded = encodeBackupHeader(header);
  const ciphertext = await sealChunks(backupKey.derive('backup chunks', salt, sha256(encoded)), plaintext);
  const signature = await key.sign(backupMessage({ header: encoded, ciphertext }));
  const backup = encode(backupFileCodec, { header: encoded, signature, ciphertext });
  return { backup, mark: backupMarkOf(backup, header) };
}

/**
 * Returns the claim of a device for the newest version of its name. Throws `identity-not-found`,
 * `certificate-not-in-record` if nobody could verify what the key signs, and what a lookup throws.
 */
export async function currentClaim(directory: KeyFinder, text: string, key: ClientKey): Promise<CertifiedClaim> {
  const found = await directory.lookup(text);
  if (!found.found) throw new GlasskeyError('identity-not-found', `${found.identity} has no keys in the log`);
  const claim = claimOf(key, found.binding);
  const name = formatHex(claim.keySha256);
  const isCertified = found.binding.certificates.some(({ spkiSha256 }) => spkiSha256 === name);
  ensure(isCertified, 'certificate-not-in-record', `this key is not among the valid keys of ${claim.identity}`);
  return claim;
}
