import { isGlasskeyError } from '../errors.ts';
import { TILE_WIDTH } from '../log/tiled-tree.ts';
import { formatUpdateBundlePath } from './tile-path.ts';
import { decodeUpdateBundle, MAX_UPDATE_BUNDLE_BYTES } from './update-bundle.ts';

/** The files of a log, wherever they are. */
export interface ReadableLog {
  /** Reads the untrusted file at `path` below the log's prefix, of at most `maximum` decoded bytes. */
  read(path: string, maximum: number): Promise<Uint8Array>;
}

/**
 * Reads the bundle of the AuditorUpdates of entries 256 * `index` and on, in a tree of `size` leaves. The updates are
 * untrusted. Returns undefined if there is none: the entries are too few, their updates too long together, or the log
 * or copy is of an earlier release. A bundle that is no bundle counts as none, too: each update's own file is what the
 * log must serve. Throws what reading throws, but not `bad-response`.
 */
export async function readUpdateBundle(
  log: ReadableLog,
  index: number,
  size: number,
): Promise<readonly Uint8Array[] | undefined> {
  if ((index + 1) * TILE_WIDTH > size) return undefined;
  try {
    return decodeUpdateBundle(await log.read(formatUpdateBundlePath(index), MAX_UPDATE_BUNDLE_BYTES));
  } catch (error) {
    if (isGlasskeyError(error, 'bad-response') || isGlasskeyError(error, 'malformed-encoding')) return undefined;
    throw error;
  }
}
