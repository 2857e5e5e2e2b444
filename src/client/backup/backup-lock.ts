import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { concatBytes, encodeUtf8 } from '../../core/encoding/bytes.ts';
import { bytes, type Codec, encode, enumeration, fixedBytes, struct } from '../../core/encoding/codec.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { shortText } from '../../identity/text-codec.ts';
import { aesGcmOf } from './aes-gcm.ts';

/** A lock of a backup: the backup key, sealed under one secret of the owner. It holds no secret itself. */
export type BackupLock = LockMaterial &
  (
    | {
        readonly kind: 'passkey';
        /** The WebAuthn id of the passkey, so that a page asks for this one. Empty if it is not known. */
        readonly credentialId: Uint8Array;
      }
    | {
        readonly kind: 'password';
        /** The name of the vault (canonical) that helps to stretch the password. */
        readonly vault: string;
      }
    | { readonly kind: 'recovery-code' }
  );

/** The part that all locks have. */
interface LockMaterial {
  /** 32 random bytes. */
  readonly salt: Uint8Array;
  /** AES-256-GCM of the backup key, 48 bytes. */
  readonly wrapped: Uint8Array;
}

/** A lock before the key was wrapped. */
export type LockPlan =
  | Pick<BackupLock & { kind: 'passkey' }, 'kind' | 'credentialId'>
  | Pick<BackupLock & { kind: 'password' }, 'kind' | 'vault'>
  | Pick<BackupLock & { kind: 'recovery-code' }, 'kind'>;

const CONTEXT = encodeUtf8('glasskey backup lock v1\0');
const KIND_BYTES = { passkey: 1, password: 2, 'recovery-code': 3 } as const;
const KINDS = { 1: 'passkey', 2: 'password', 3: 'recovery-code' } as const;
const ZERO_NONCE = new Uint8Array(12);

const kindCodec = enumeration([1, 2, 3]);
const materialCodec: Codec<LockMaterial> = struct<LockMaterial>({ salt: fixedBytes(32), wrapped: fixedBytes(48) });
const credentialId = bytes(0, 1023);

const planCodec: Codec<LockPlan> = {
  write: (writer, plan) => {
    kindCodec.write(writer, KIND_BYTES[plan.kind]);
    if (plan.kind === 'passkey') credentialId.write(writer, plan.credentialId);
    if (plan.kind === 'password') shortText.write(writer, plan.vault);
  },
  read: (reader) => {
    const kind = KINDS[kindCodec.read(reader)];
    if (kind === 'passkey') return { kind, credentialId: credentialId.read(reader) };
    return kind === 'password' ? { kind, vault: shortText.read(reader) } : { kind };
  },
};

/** The encoding of a lock (docs/spec.md#backups). Locks in a backup are untrusted: only the right secret opens one. */
export const backupLockCodec: Codec<BackupLock> = {
  write: (writer, lock) => {
    planCodec.write(writer, lock);
    materialCodec.write(writer, lock);
  },
  read: (reader) => ({ ...planCodec.read(reader), ...materialCodec.read(reader) }),
};

/** Locks a backup key (32 bytes) with a secret that is hard to guess by itself: at least 128 random bits. */
export async function makeLock(
  backupKey: Uint8Array,
  plan: LockPlan,
  secret: Uint8Array,
  random: (length: number) => Uint8Array,
): Promise<BackupLock> {
  const salt = random(32);
  // The salt makes a key that wraps once, so that its nonce may be constant.
  const cipher = await aesGcmOf(wrappingKey(plan, salt, secret));
  return { ...plan, salt, wrapped: await cipher.seal(ZERO_NONCE, backupKey) };
}

/** Opens an untrusted lock. Throws `wrong-passphrase` for another secret, and for a damaged lock. */
export async function openLock(lock: BackupLock, secret: Uint8Array): Promise<Uint8Array> {
  const cipher = await aesGcmOf(wrappingKey(lock, lock.salt, secret));
  return cipher.open(ZERO_NONCE, lock.wrapped).catch((cause: unknown): never => {
    throw new GlasskeyError('wrong-passphrase', `this ${lock.kind} does not open the backup`, { cause });
  });
}

function wrappingKey(plan: LockPlan, salt: Uint8Array, secret: Uint8Array): Uint8Array {
  return hkdf(nobleSha256, secret, salt, concatBytes(CONTEXT, encode(planCodec, plan)), 32);
}
