import { ensure } from '../errors.ts';
import { TILE_WIDTH, type TileCoordinate } from '../log/tiled-tree.ts';

/**
 * The resource that a path under a tlog-tiles prefix names: hashes or entries, `width` of them (256 in a full tile).
 */
export type TileResource =
  | { readonly kind: 'hashes'; readonly tile: TileCoordinate; readonly width: number }
  | { readonly kind: 'entries'; readonly index: number; readonly width: number }
  | { readonly kind: 'updates'; readonly index: number };

/** Formats a tile index as path elements of three digits, all but the last with an x: 1234067 is `x001/x234/067`. */
export function formatTileIndex(index: number): string {
  ensure(Number.isSafeInteger(index) && index >= 0, 'value-out-of-range', 'not an index');
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  return padded.replace(/\d{3}(?=\d)/g, 'x$&/');
}

/** Parses the index that a path names. Returns undefined unless {@link formatTileIndex} writes exactly this path. */
export function parseTileIndex(path: string): number | undefined {
  if (!/^(x\d{3}\/){0,5}\d{3}$/.test(path)) return undefined;
  const index = Number(path.replace(/[x/]/g, ''));
  return Number.isSafeInteger(index) && formatTileIndex(index) === path ? index : undefined;
}

/** Formats `tile/<L>/<N>[.p/<W>]` (c2sp.org/tlog-tiles), relative to the log's prefix. `width` is 1..256. */
export function formatTilePath(tile: TileCoordinate, width: number): string {
  return `tile/${tile.level}/${formatTileIndex(tile.index)}${formatWidth(width)}`;
}

/** Formats `tile/entries/<N>[.p/<W>]` (c2sp.org/tlog-tiles), relative to the log's prefix. `width` is 1..256. */
export function formatEntriesPath(index: number, width: number): string {
  return `tile/entries/${formatTileIndex(index)}${formatWidth(width)}`;
}

/** Formats `updates/<N>`, the path of the AuditorUpdate of log entry N, relative to the log's prefix. */
export function formatUpdatePath(position: number): string {
  return `updates/${formatTileIndex(position)}`;
}

/** Formats `tile/updates/<N>`, the path of the update bundle of 256 log entries, relative to the log's prefix. */
export function formatUpdateBundlePath(index: number): string {
  return `tile/updates/${formatTileIndex(index)}`;
}

function formatWidth(width: number): string {
  ensure(Number.isInteger(width) && width >= 1 && width <= TILE_WIDTH, 'value-out-of-range', 'not a width of a tile');
  return width === TILE_WIDTH ? '' : `.p/${width}`;
}

/**
 * Parses an untrusted path below `<prefix>/tile/`: `<L>/<N>[.p/<W>]`, `entries/<N>[.p/<W>]` or `updates/<N>`. Returns
 * undefined if it is none of these.
 */
export function parseTilePath(path: string): TileResource | undefined {
  const parts = /^(entries|updates|0|[1-9]\d?)\/([x/\d]+?)(?:\.p\/([1-9]\d{0,2}))?$/.exec(path);
  if (parts === null) return undefined;
  const [, kind, digits, partial] = parts as unknown as [string, string, string, string | undefined];
  const index = parseTileIndex(digits);
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  if (index === undefined || (partial !== undefined && width >= TILE_WIDTH)) return undefined;
  if (kind === 'entries') return { kind, index, width };
  if (kind === 'updates') return partial === undefined ? { kind, index } : undefined;
  const level = Number(kind);
  return level <= 63 ? { kind: 'hashes', tile: { level, index }, width } : undefined;
}
