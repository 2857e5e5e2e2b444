import { sha256 } from '../../core/crypto/sha256.ts';
import { concatBytes, encodeUtf8, formatHex } from '../../core/encoding/bytes.ts';
import {
  bytes,
  type Codec,
  decode,
  encode,
  enumeration,
  fixedBytes,
  struct,
  uint32,
  uint64,
} from '../../core/encoding/codec.ts';
import { ensure } from '../../core/errors.ts';
import { shortText } from '../../identity/text-codec.ts';
import type { CertifiedClaim } from '../certified-signature.ts';
import { MAX_CONTENT_BYTES } from './backup-content.ts';
import { locksCodec } from './backup-key.ts';
import type { BackupLock } from './backup-lock.ts';
import { CHUNK_BYTES } from './chunk-stream.ts';

/** The part of a backup that is not encrypted: who keeps a backup sees it. */
export interface BackupHeader extends CertifiedClaim {
  /** The log's origin. */
  readonly origin: string;
  /** Counts the user's backups from 1. */
  readonly sequence: number;
  /** When it was made, by the clock of the device that made it: ms since the epoch. */
  readonly timeMs: number;
  /** 32 random bytes, which make the keys of this backup its own. */
  readonly salt: Uint8Array;
  /** Names the backup key: 32 bytes that nobody can compute without it. */
  readonly keyCheck: Uint8Array;
  readonly locks: readonly BackupLock[];
}

/** A backup as bytes hold it. Untrusted until its signature and its chunks were verified. */
export interface BackupFile {
  /** The encoded {@link BackupHeader}. */
  readonly header: Uint8Array;
  /** By the device that made it, over {@link backupMessage}. */
  readonly signature: Uint8Array;
  readonly ciphertext: Uint8Array;
}

const CONTEXT = encodeUtf8('glasskey backup v1\0');
const MAX_CIPHERTEXT = MAX_CONTENT_BYTES + (Math.ceil(MAX_CONTENT_BYTES / CHUNK_BYTES) + 1) * 16;
const MAX_HEADER = 2 ** 14;

/** Bytes of a backup at most, about 97 MiB: what a vault has to take. */
export const MAX_BACKUP_BYTES = MAX_CIPHERTEXT + MAX_HEADER + 2_048;

type StoredHeader = BackupHeader & { readonly format: 1 };

const headerCodec: Codec<StoredHeader> = struct<StoredHeader>({
  format: enumeration([1]),
  origin: shortText,
  identity: shortText,
  version: uint32,
  commitment: fixedBytes(32),
  keySha256: fixedBytes(32),
  sequence: uint64,
  timeMs: uint64,
  salt: fixedBytes(32),
  keyCheck: fixedBytes(32),
  locks: locksCodec,
});

/** The encoding of a whole backup (docs/spec.md#backups). */
export const backupFileCodec: Codec<BackupFile> = struct<BackupFile>({
  header: bytes(1, MAX_HEADER),
  signature: bytes(1, 1024),
  ciphertext: bytes(17, MAX_CIPHERTEXT),
});

/** Encodes a header. Throws `value-out-of-range`. */
export function encodeBackupHeader(header: BackupHeader): Uint8Array {
  return encode(headerCodec, { format: 1, ...header });
}

/** Reads an untrusted header. Throws `malformed-encoding`. */
export function decodeBackupHeader(encoded: Uint8Array): BackupHeader {
  const { format: _, ...header } = decode(headerCodec, encoded);
  return header;
}

/**
 * Reads an untrusted backup: its header says which locks it has and who claims to have made it. Nothing is verified;
 * `openBackup` does that. Throws `malformed-encoding`.
 */
export function readBackup(backup: Uint8Array): { readonly file: BackupFile; readonly header: BackupHeader } {
  ensure(backup.length <= MAX_BACKUP_BYTES, 'malformed-encoding', 'this is too long to be a backup');
  const file = decode(backupFileCodec, backup);
  return { file, header: decodeBackupHeader(file.header) };
}

/** Returns the bytes that a device signs for a backup: header and ciphertext, each by its SHA-256. */
export function backupMessage({ header, ciphertext }: Pick<BackupFile, 'header' | 'ciphertext'>): Uint8Array {
  return concatBytes(CONTEXT, sha256(header), sha256(ciphertext));
}

/** The newest backup that a device knows: a small record beside its state, fit for JSON. */
export interface BackupMark {
  readonly sequence: number;
  /** SHA-256 of the backup, lower-case hex. */
  readonly sha256: string;
}

/** Returns the mark of a backup. */
export function backupMarkOf(backup: Uint8Array, { sequence }: Pick<BackupHeader, 'sequence'>): BackupMark {
  return { sequence, sha256: formatHex(sha256(backup)) };
}

/**
 * Throws `version-rolled-back` for a backup that is older than the one that this device knows, and for another one of
 * the same number: who keeps the backups served an old one anew.
 */
export function assertNotOlder({ sequence, sha256: digest }: BackupMark, known: BackupMark): void {
  const isNewer = sequence > known.sequence || (sequence === known.sequence && digest === known.sha256);
  const message = `this is backup ${sequence}, and this device knows backup ${known.sequence}: an old one was served anew`;
  ensure(isNewer, 'version-rolled-back', message);
}
