import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { encodeUtf8, concatBytes } from '../../core/encoding/bytes.ts';
import { type Codec, decode, encode, enumeration, fixedBytes, struct, vector } from '../../core/encoding/codec.ts';
import { ensure } from '../../core/errors.ts';
import { platformRandom } from '../platform.ts';
import { type BackupLock, backupLockCodec, type LockPlan, makeLock } from './backup-lock.ts';

/** Locks that one backup key has at most. */
export const MAX_LOCKS = 8;

/** At least one lock, and at most {@link MAX_LOCKS}. */
export const locksCodec: Codec<readonly BackupLock[]> = vector(backupLockCodec, 1, MAX_LOCKS);

interface StoredBackupKey {
  readonly format: 1;
  readonly secret: Uint8Array;
  readonly locks: readonly BackupLock[];
}

const storedCodec: Codec<StoredBackupKey> = struct<StoredBackupKey>({
  format: enumeration([1]),
  secret: fixedBytes(32),
  locks: vector(backupLockCodec, 0, MAX_LOCKS),
});

/**
 * The key of a user's backups with its locks. A device keeps it, so that it makes backups without asking its user for
 * the password or passkey each time. It opens every backup made with it: keep it where private keys are kept.
 */
export class BackupKey {
  readonly #secret: Uint8Array;
  readonly locks: readonly BackupLock[];

  private constructor(secret: Uint8Array, locks: readonly BackupLock[]) {
    this.#secret = secret;
    this.locks = locks;
  }

  /** Makes a key without locks. `random` returns secure random bytes; default: the platform's. */
  static generate(random: (length: number) => Uint8Array = platformRandom): BackupKey {
    return new BackupKey(random(32), []);
  }

  /**
   * Reads the bytes of {@link exportBytes}, or takes a secret (32 bytes) with its locks. Throws `malformed-encoding`.
   */
  static from(stored: Uint8Array | { readonly secret: Uint8Array; readonly locks: readonly BackupLock[] }): BackupKey {
    const { secret, locks } = stored instanceof Uint8Array ? decode(storedCodec, stored) : stored;
    ensure(secret.length === 32, 'malformed-encoding', 'a backup key has 32 bytes');
    return new BackupKey(secret.slice(), locks);
  }

  /** Returns the secret and the locks as bytes for this device's secure storage. */
  exportBytes(): Uint8Array {
    return encode(storedCodec, { format: 1, secret: this.#secret, locks: this.locks });
  }

  /**
   * Returns this key with one more lock. `secret` is a passkey's PRF output, an export key of OPAQUE, or a recovery
   * code's bytes. Throws `usage` for too many locks, and for a secret of less than 16 bytes.
   */
  async lockedWith(
    plan: LockPlan,
    secret: Uint8Array,
    random: (length: number) => Uint8Array = platformRandom,
  ): Promise<BackupKey> {
    ensure(this.locks.length < MAX_LOCKS, 'usage', `a backup has at most ${MAX_LOCKS} locks`);
    ensure(secret.length >= 16, 'usage', 'a lock needs a secret of at least 128 bits');
    return new BackupKey(this.#secret, [...this.locks, await makeLock(this.#secret, plan, secret, random)]);
  }

  /**
   * Returns this key without its locks of one kind. Backups that were made before keep theirs: who must no longer open
   * backups calls for a new key.
   */
  without(kind: BackupLock['kind']): BackupKey {
    return new BackupKey(
      this.#secret,
      this.locks.filter((lock) => lock.kind !== kind),
    );
  }

  /** Derives 32 bytes for one purpose: HKDF-SHA-256 (RFC 5869) with `salt`, `purpose` and a context. */
  derive(purpose: string, salt: Uint8Array, context: Uint8Array = new Uint8Array()): Uint8Array {
    return hkdf(nobleSha256, this.#secret, salt, concatBytes(encodeUtf8(`glasskey ${purpose} v1\0`), context), 32);
  }

  /** The form for `JSON.stringify`: without the secret. */
  toJSON(): { readonly locks: readonly string[] } {
    return { locks: this.locks.map(({ kind }) => kind) };
  }
}
