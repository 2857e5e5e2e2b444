import { auditEntryCodec, AUDIT_ENTRY_LENGTH, type AuditEntry } from '../../core/audit/audit-entry.ts';
import { decodeEntryBundle } from '../../core/audit/entry-bundle.ts';
import { leafHash } from '../../core/audit/rfc6962.ts';
import { formatEntriesPath, formatUpdatePath } from '../../core/audit/tile-path.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/error-codes.ts';
import { auditorUpdateCodec, type AuditorUpdate } from '../../core/keytrans/auditor-update.ts';
import { HASH_LENGTH, tileWidth } from '../../core/log/tiled-tree.ts';
import { fetchBytes, type LogFiles } from './fetch-bytes.ts';
import { fetchTile } from './read-tree.ts';

/** Most decoded bytes of one AuditorUpdate: 255 leaves whose paths of 200 hashes share nothing. */
export const MAX_UPDATE_BYTES = 2 * 1024 * 1024;

const MAX_BUNDLE_BYTES = 256 * (2 + AUDIT_ENTRY_LENGTH);

/** An entry of the audit log with its hash in the RFC 6962 tree. */
export interface ReadEntry {
  readonly entry: AuditEntry;
  readonly leaf: Uint8Array;
}

/**
 * Fetches entry bundle number `index` of a tree of `size` leaves with the hash tile over it. Throws `bad-audit-entry` for
 * what is not an AuditEntry, or is not what the tile hashes; that the tile is the tree's is not checked here.
 */
export async function fetchEntries(files: LogFiles, index: number, size: number): Promise<readonly ReadEntry[]> {
  const tile = { level: 0, index };
  const width = tileWidth(tile, size);
  const [bundle, hashes] = await Promise.all([
    fetchBytes(files, formatEntriesPath(index, width), MAX_BUNDLE_BYTES),
    fetchTile(files, tile, size),
  ]);
  const entries = decodeAs('bad-audit-entry', () => decodeEntryBundle(bundle, width));
  return entries.map((bytes, i) => {
    const leaf = leafHash(bytes);
    const hashed = hashes.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH);
    ensure(equalBytes(leaf, hashed), 'bad-audit-entry', `entry ${index * 256 + i} is not what its hash tile says`);
    return { entry: decodeAs('bad-audit-entry', () => decode(auditEntryCodec, bytes)), leaf };
  });
}

/** Fetches the AuditorUpdate of a log entry, decompressed; untrusted until {@link openUpdate}. */
export async function fetchUpdate(files: LogFiles, position: number): Promise<Uint8Array> {
  return fetchBytes(files, formatUpdatePath(position), MAX_UPDATE_BYTES);
}

/** The AuditorUpdate that an AuditEntry names by its hash. Throws `bad-auditor-update`. */
export function openUpdate(bytes: Uint8Array, entry: AuditEntry): AuditorUpdate {
  const isNamed = equalBytes(sha256(bytes), entry.updateHash);
  ensure(isNamed, 'bad-auditor-update', 'the AuditorUpdate is not the one that the log entry names');
  return decodeAs('bad-auditor-update', () => decode(auditorUpdateCodec, bytes));
}

function decodeAs<T>(code: ErrorCode, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isGlasskeyError(cause, 'malformed-encoding')) throw cause;
    throw new GlasskeyError(code, cause.message, { cause });
  }
}
