import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { compareBytes } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { auditorUpdateCodec } from '../../core/keytrans/auditor-update.ts';
import { driveTilesTogether, type ReadTiles } from '../../core/prefix/drive.ts';
import type { PrefixTile } from '../../core/prefix/prefix-tile.ts';
import { provePrefixLookups } from '../../core/prefix/prefix-tree.ts';
import { formatTileName, type TileName } from '../../core/prefix/tile-name.ts';
import type { TileRequests } from '../../core/prefix/tile-paths.ts';
import { baseNames } from '../../core/prefix/tile-version.ts';
import type { EntryRow, LogStore } from '../../store/ports.ts';
import { packUpdate } from '../log/auditor-updates.ts';
import { deriveUpdate, prefixRootOf } from '../log/derive-update.ts';
import { asStored } from '../log/stored-data.ts';

const decompress = promisify(gunzip);

/** Keys after which a step takes no further entry: each key costs a tile per level of the tree. */
const MAX_KEYS = 512;

/** The tiles that nothing needs once some consecutive entries have replaced them. */
export interface ReplacedTiles {
  /** The position after the last entry of the step. */
  readonly end: number;
  readonly tiles: readonly TileName[];
  /** The updates of these entries that are not stored: without the tiles, they could no longer be derived. */
  readonly updates: readonly { readonly position: number; readonly update: Uint8Array }[];
}

/**
 * Returns the prefix tiles that log entries left without use. An entry replaces exactly the tiles on the paths of the
 * keys that it added, as they were in the version before it. Such a tile stays while the new one is stored as changes
 * since it; instead, the bases go that only the replaced tile needed. Bases come and go like a stack (tile-version.ts),
 * so no later tile needs them either. `rows` are consecutive entries; the first only gives the version before the
 * second. A step takes at least the second, and stops after {@link MAX_KEYS} keys. The tiles of all versions must be
 * there. Throws `storage-corrupt`.
 */
export async function readReplacedTiles(
  store: Pick<LogStore, 'readUpdate'>,
  readTiles: ReadTiles,
  rows: readonly EntryRow[],
): Promise<ReplacedTiles> {
  const works: TileRequests<unknown>[] = [];
  const updates: { readonly position: number; readonly update: Uint8Array }[] = [];
  const steps: { readonly position: number; readonly before: PrefixTile[]; readonly after: PrefixTile[] }[] = [];
  let end = (rows[0] as EntryRow).position + 1;
  let keyCount = 0;
  for (let i = 1; i < rows.length && keyCount < MAX_KEYS; i++) {
    const [before, row] = [rows[i - 1] as EntryRow, rows[i] as EntryRow];
    end = row.position + 1;
    // An entry without changes has the tree of the one before.
    if (isSameTile(before.prefixTile, row.prefixTile)) continue;
    let keys = await readAddedKeys(store, row.position);
    if (keys === undefined) {
      const { update, encoded } = await deriveUpdate(readTiles, before, row);
      updates.push({ position: row.position, update: await packUpdate(encoded) });
      keys = update.added.map(({ vrfOutput }) => vrfOutput);
    }
    keyCount += keys.length;
    const step = { position: row.position, before: [], after: [] };
    steps.push(step);
    works.push(noting(provePrefixLookups(prefixRootOf(before), keys), step.before));
    works.push(noting(provePrefixLookups(prefixRootOf(row), keys), step.after));
  }
  await driveTilesTogether(works, readTiles);
  const unused = new Map<string, TileName>();
  for (const { position, before, after } of steps) {
    const written = after.filter(({ version }) => version?.name.position === position);
    const needed = new Set(written.flatMap(({ version }) => baseNames(version)).map(formatTileName));
    for (const { version } of before) {
      const names = version === undefined ? [] : [version.name, ...baseNames(version)];
      for (const name of names) if (!needed.has(formatTileName(name))) unused.set(formatTileName(name), name);
    }
  }
  return { end, tiles: [...unused.values()], updates };
}

/** Runs an operation and notes the tiles that it reads. */
function* noting<R>(work: TileRequests<R>, tiles: PrefixTile[]): TileRequests<R> {
  let step = work.next();
  while (step.done !== true) {
    const read = yield step.value;
    tiles.push(...read);
    step = work.next(read);
  }
  return step.value;
}

/** Returns the keys that the stored update of an entry names; undefined if none is stored. */
async function readAddedKeys(store: Pick<LogStore, 'readUpdate'>, position: number): Promise<Uint8Array[] | undefined> {
  const stored = await store.readUpdate(position);
  if (stored === undefined) return undefined;
  const update = new Uint8Array(await decompress(stored));
  const { added } = asStored(`the update of entry ${position} is damaged`, () => decode(auditorUpdateCodec, update));
  return added.map(({ vrfOutput }) => vrfOutput).sort(compareBytes);
}

function isSameTile(a: TileName | undefined, b: TileName | undefined): boolean {
  return a?.position === b?.position && a?.counter === b?.counter;
}
