import { gunzipSync } from 'node:zlib';
import { EMPTY_PREFIX_ROOT, insertPrefixLeaves } from '../../../src/core/prefix/prefix-tree.ts';
import type { PrefixTile } from '../../../src/core/prefix/prefix-tile.ts';
import type { TileName } from '../../../src/core/prefix/tile-name.ts';
import { LAST_SLOT } from '../../../src/core/prefix/tile-shape.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { driveTiles, driveTilesSync } from '../../../src/core/prefix/drive.ts';
import { findAddedLeaves } from '../../../src/core/prefix/added-leaves.ts';
import { RecentCache } from '../../../src/core/recent-cache.ts';
import { AuditorUpdates } from '../../../src/service/log/auditor-updates.ts';
import { deriveUpdate } from '../../../src/service/log/derive-update.ts';
import { auditEntryOf } from '../../../src/service/log/stored-data.ts';
import type { EntryRow, LogStore } from '../../../src/store/ports.ts';
import { createHistoryLog, type HistoryLog } from '../../support/history-log.ts';

const PARTS = { labels: 6, rounds: 5, entriesPerRound: 2 } as const;
const corrupt: object = expect.objectContaining({ code: 'storage-corrupt' });

let logs: readonly [HistoryLog, HistoryLog];
beforeAll(async () => {
  logs = [await createHistoryLog({ ...PARTS, format: 1 }), await createHistoryLog(PARTS)];
}, 120_000);
afterAll(async () => {
  for (const log of logs) await log.close();
});

async function entriesOf({ context }: HistoryLog): Promise<readonly EntryRow[]> {
  const { size } = await context.store.readHead();
  return context.store.readEntryRange(0, size);
}

describe('an AuditorUpdate', () => {
  it('is derived from the trees, byte for byte the one that format 1 stores', async () => {
    const [{ context }] = logs;
    const rows = await entriesOf(logs[0]);
    let added = 0;
    for (const [position, row] of rows.entries()) {
      const { encoded, update } = await deriveUpdate(context.readPrefixTiles, rows[position - 1], row);
      const stored = await context.store.readUpdate(position);
      expect(encoded).toEqual(new Uint8Array(gunzipSync(stored!)));
      added += update.added.length;
    }
    expect(added).toBeGreaterThan(5);
  });

  it('of an entry that this process has appended is there already, unless it is not the one that the entry names', async () => {
    const { context } = logs[1];
    const rows = await entriesOf(logs[1]);
    let tiles = 0;
    const store = {
      readUpdate: (position: number) => context.store.readUpdate(position),
      readEntries: (positions: readonly number[]) => context.store.readEntries(positions),
      readEntryRange: (start: number, end: number) => context.store.readEntryRange(start, end),
      readPrefixTiles: (names: readonly TileName[]) => {
        tiles += names.length;
        return context.store.readPrefixTiles(names);
      },
    };
    const lengthOf = (at: number): number => context.newUpdates.get(String(at))?.length ?? 0;
    const position = [...rows.keys()].toSorted((a, b) => lengthOf(b) - lengthOf(a))[0]!;
    const derived = await new AuditorUpdates(context.store).read(position);
    const kept = context.newUpdates.get(String(position))!;
    expect(await new AuditorUpdates(store, context.newUpdates).read(position)).toEqual(derived);
    expect(tiles).toBe(0);
    const other = new RecentCache<Uint8Array>(1);
    other.set(String(position), kept.with(0, kept[0]! ^ 1));
    expect(await new AuditorUpdates(store, other).read(position)).toEqual(derived);
    expect(tiles).toBeGreaterThan(0);
  });

  it('is not stored in format 2, and derived once for all who ask', async () => {
    const { context } = logs[1];
    const rows = await entriesOf(logs[1]);
    let reads = 0;
    const counting: LogStore = new Proxy(context.store, {
      get: (target, name) => {
        if (String(name).startsWith('read')) reads++;
        return Reflect.get(target, name) as unknown;
      },
    });
    const updates = new AuditorUpdates(counting);
    for (const [position, row] of rows.entries()) {
      expect(await context.store.readUpdate(position)).toBeUndefined();
      const [one, two] = await Promise.all([updates.read(position), updates.read(position)]);
      expect(one).toBe(two);
      expect(sha256(new Uint8Array(gunzipSync(one)))).toEqual(auditEntryOf(row).updateHash);
    }
    const before = reads;
    for (const position of rows.keys()) await updates.read(position);
    expect(reads).toBe(before);
    updates.clear();
    await updates.read(3);
    expect(reads).toBeGreaterThan(before);
  });

  it('never leaves if the trees give another', async () => {
    const { context } = logs[1];
    const rows = await entriesOf(logs[1]);
    const changed = rows.findIndex(({ position, prefixTile }) => position > 3 && prefixTile?.position === position);
    const [row, before] = [rows[changed]!, rows[changed - 1]!];
    const { readPrefixTiles } = context;
    const earlier = rows.findLast(({ position, prefixTile }) => position < changed && !isSame(prefixTile, before));
    expect(earlier).toBeDefined();
    for (const [wrongBefore, wrongRow] of [
      [earlier, row],
      [undefined, row],
      [before, { ...row, prefixTile: before.prefixTile }],
      [before, { ...row, auditEntry: before.auditEntry }],
    ] as const) {
      await expect(deriveUpdate(readPrefixTiles, wrongBefore, wrongRow)).rejects.toThrow(corrupt);
    }
    const other = new Proxy(context.store, {
      get: (target, name) => {
        if (name !== 'readPrefixTiles') return Reflect.get(target, name) as unknown;
        return async (names: readonly { position: number; counter: number }[]) =>
          (await target.readPrefixTiles(names)).map((data) => data && Uint8Array.from(data, (byte) => byte ^ 1));
      },
    });
    await expect(new AuditorUpdates(other).read(changed)).rejects.toThrow(corrupt);
    await expect(new AuditorUpdates(context.store).read(rows.length)).rejects.toThrow(corrupt);
  });

  it('is not looked for in more tiles than one entry can write', async () => {
    // So many leaves that the root's tile refers to others of the same entry.
    const leaves = Array.from({ length: 64 }, (_, i) => ({
      vrfOutput: sha256(Uint8Array.of(i)),
      commitment: new Uint8Array(32),
    }));
    const sorted = leaves.toSorted((a, b) => Buffer.compare(a.vrfOutput, b.vrfOutput));
    const { root, tiles } = driveTilesSync(insertPrefixLeaves(EMPTY_PREFIX_ROOT, sorted, 0), () => {
      throw new Error('an empty tree has no tiles');
    });
    const own = tiles.find(({ name }) => name.counter === root.tile?.counter)!.tile;
    expect(refersTo(own, 0)).toBe(true);
    // A tile that refers to itself would be found out by its value; here every reference gets the same answer.
    const looping = findAddedLeaves(EMPTY_PREFIX_ROOT, root, 0);
    await expect(driveTiles(looping, async (names) => names.map(() => own))).rejects.toThrow(corrupt);
  });
});

function isSame(name: TileName | undefined, { prefixTile }: EntryRow): boolean {
  return name?.position === prefixTile?.position && name?.counter === prefixTile?.counter;
}

/** True if a tile refers to one that the same log entry wrote. */
function refersTo(tile: PrefixTile, position: number): boolean {
  const slots = Array.from({ length: LAST_SLOT }, (_, i) => i + 1);
  return slots.some((slot) => tile.kind(slot) === 'reference' && tile.reference(slot).tile.position === position);
}
