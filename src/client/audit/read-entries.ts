import { auditEntryCodec, AUDIT_ENTRY_LENGTH, type AuditEntry } from '../../core/audit/audit-entry.ts';
import { decodeEntryBundle } from '../../core/audit/entry-bundle.ts';
import { leafHash } from '../../core/audit/rfc6962.ts';
import { formatEntriesPath } from '../../core/audit/tile-path.ts';
import { HASH_LENGTH } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import type { ErrorCode } from '../../core/error-codes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { TILE_WIDTH, tileWidth } from '../../core/log/tiled-tree.ts';
import type { AuditFiles } from './audit-files.ts';
import { readTile } from './read-tree.ts';

const MAX_BUNDLE_BYTES = TILE_WIDTH * (2 + 0xffff);

/** An entry of the audit log with its hash in the RFC 6962 tree. */
export interface ReadEntry {
  readonly bytes: Uint8Array;
  readonly leaf: Uint8Array;
}

/**
 * Reads entry bundle number `index` of a tree of `size` leaves, with the hash tile over it. Throws `bad-audit-entry`
 * for a malformed bundle, or one that its hash tile contradicts. Does not check that the tile is the tree's.
 */
export async function readEntries(files: AuditFiles, index: number, size: number): Promise<readonly ReadEntry[]> {
  const tile = { level: 0, index };
  const width = tileWidth(tile, size);
  const [bundle, hashes] = await Promise.all([
    files.read(formatEntriesPath(index, width), MAX_BUNDLE_BYTES),
    readTile(files, tile, size),
  ]);
  const entries = openAs('bad-audit-entry', () => decodeEntryBundle(bundle, width));
  return entries.map((bytes, i) => {
    const leaf = leafHash(bytes);
    const hashed = hashes.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH);
    ensure(equalBytes(leaf, hashed), 'bad-audit-entry', `entry ${index * 256 + i} is not what its hash tile says`);
    return { bytes, leaf };
  });
}

/** Decodes an untrusted leaf of the audit log. Throws `bad-audit-entry`. */
export function openEntry(bytes: Uint8Array): AuditEntry {
  ensure(bytes.length === AUDIT_ENTRY_LENGTH, 'bad-audit-entry', `an AuditEntry has ${AUDIT_ENTRY_LENGTH} bytes`);
  return openAs('bad-audit-entry', () => decode(auditEntryCodec, bytes));
}

/** Decodes data of the log. Malformed data is the log's misbehaviour, thrown as `code`. */
export function openAs<T>(code: ErrorCode, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isGlasskeyError(cause, 'malformed-encoding')) throw cause;
    throw new GlasskeyError(code, cause.message, { cause });
  }
}
