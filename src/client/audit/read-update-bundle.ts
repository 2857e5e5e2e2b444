import { formatUpdateBundlePath } from '../../core/audit/tile-path.ts';
import { decodeUpdateBundle, MAX_UPDATE_BUNDLE_BYTES } from '../../core/audit/update-bundle.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { TILE_WIDTH } from '../../core/log/tiled-tree.ts';
import type { AuditFiles } from './audit-files.ts';

/**
 * Reads the bundle of the AuditorUpdates of entries 256 * `index` and on, in a tree of `size` leaves. Returns undefined
 * if there is none: the entries are too few, their updates too long together, or the log or copy is of an earlier
 * release. A bundle that is no bundle counts as none, too: each update's own file is what the log must serve. Throws
 * `network-failed`.
 */
export async function readUpdateBundle(
  files: AuditFiles,
  index: number,
  size: number,
): Promise<readonly Uint8Array[] | undefined> {
  if ((index + 1) * TILE_WIDTH > size) return undefined;
  try {
    return decodeUpdateBundle(await files.read(formatUpdateBundlePath(index), MAX_UPDATE_BUNDLE_BYTES));
  } catch (error) {
    if (isGlasskeyError(error, 'bad-response') || isGlasskeyError(error, 'malformed-encoding')) return undefined;
    throw error;
  }
}
