import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEntryCodec } from '../../../src/core/audit/audit-entry.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import type { PrefixTile } from '../../../src/core/prefix/prefix-tile.ts';
import { cachedTileReader, PrefixTileCache } from '../../../src/core/prefix/tile-cache.ts';
import { formatTileName, type TileName } from '../../../src/core/prefix/tile-name.ts';
import { baseNames } from '../../../src/core/prefix/tile-version.ts';
import { AuditorUpdates } from '../../../src/service/log/auditor-updates.ts';
import { Pruner } from '../../../src/service/sequencing/pruner.ts';
import type { LogStore } from '../../../src/store/ports.ts';
import { createHistoryLog, type HistoryLog } from '../../support/history-log.ts';
import { identityOf } from '../../support/owner.ts';

const HOUR_MS = 3_600_000;
const LIFETIME_MS = 6 * HOUR_MS;
const MARGIN_MS = HOUR_MS;

let log: HistoryLog;
beforeAll(async () => {
  log = await createHistoryLog({
    labels: 8,
    rounds: 12,
    entriesPerRound: 4,
    // No cache of tiles: what is pruned must not be needed.
    limits: { prefixTileCacheBytes: 1, pruneMarginMs: MARGIN_MS, pruneIntervalMs: 5, prunePauseMs: 1 },
    configuration: { reasonableMonitoringWindowMs: 2 * HOUR_MS, maximumLifetimeMs: LIFETIME_MS },
  });
}, 120_000);
afterAll(() => log.close());

/** Names of all tiles of the prefix tree as each entry has it; those that they are changes of go into `bases`. */
async function tilesOfVersions(
  store: LogStore,
  from: number,
  to: number,
  bases?: Map<string, TileName>,
): Promise<Map<string, TileName>> {
  const readTiles = cachedTileReader(new PrefixTileCache(0), (names) => store.readPrefixTiles(names));
  const found = new Map<string, TileName>();
  const entries = await store.readEntryRange(from, to);
  let pending = entries.flatMap(({ prefixTile }) => (prefixTile === undefined ? [] : [prefixTile]));
  while (pending.length > 0) {
    const fresh = new Map(pending.map((name) => [formatTileName(name), name] as const));
    for (const key of found.keys()) fresh.delete(key);
    const names = [...fresh.values()];
    const rows = await readTiles(names);
    pending = [];
    for (const [i, name] of names.entries()) {
      found.set(formatTileName(name), name);
      for (const base of baseNames(rows[i]?.version)) bases?.set(formatTileName(base), base);
      pending.push(...referencesOf(rows[i] as PrefixTile));
    }
  }
  return found;
}

function referencesOf(tile: PrefixTile): TileName[] {
  const slots = Array.from({ length: 32 }, (_, slot) => slot).slice(1);
  return slots.flatMap((slot) => (tile.kind(slot) === 'reference' ? [tile.reference(slot).tile] : []));
}

/** The first entry that is not past lifetime and margin, for the newest released head. */
async function firstKept(): Promise<number> {
  const { size } = (await log.service.progress.released()).released;
  const entries = await log.context.store.readEntryRange(0, size);
  const times = entries.map((row) => decode(auditEntryCodec, row.auditEntry).timestampMs);
  const { maxBehindMs } = log.context.configuration;
  return times.findIndex((timestampMs) => timestampMs > (times.at(-1) ?? 0) - LIFETIME_MS - MARGIN_MS - maxBehindMs);
}

/** Every update that the log can show. */
async function allUpdates(): Promise<Uint8Array[]> {
  const { size } = (await log.service.progress.released()).released;
  const updates = new AuditorUpdates(log.context.store);
  return Promise.all(
    Array.from({ length: size }, async (_, position) => Uint8Array.from(await updates.read(position))),
  );
}

async function pruneAll(pruner: Pruner): Promise<number> {
  for (let steps = 0; ; steps++) if ((await pruner.step()) === 'idle') return steps;
}

/** Searches for each version of each label; gives how many were found and how many are expired. */
async function searchAll(): Promise<{ found: number; expired: number }> {
  const counts = { found: 0, expired: 0 };
  for (const name of log.names.slice(1)) {
    const { label } = identityOf(name);
    const newest = await log.service.prover.search({ last: undefined, label, version: undefined });
    for (let version = 0; version <= (newest.version ?? -1); version++) {
      try {
        await log.service.prover.search({ last: undefined, label, version });
        counts.found++;
      } catch (error) {
        expect(error).toMatchObject({ code: 'version-expired' });
        counts.expired++;
      }
    }
  }
  return counts;
}

/** Asks everything else that there is about each label; gives how much was answered, and how much is expired. */
async function askAll(): Promise<{ answered: number; expired: number }> {
  const { prover, progress } = log.service;
  const { size } = (await progress.released()).released;
  const counts = { answered: 0, expired: 0 };
  const ask = async (answer: Promise<unknown>): Promise<void> => {
    try {
      await answer;
      counts.answered++;
    } catch (error) {
      expect(error).toMatchObject({ code: 'version-expired' });
      counts.expired++;
    }
  };
  for (const name of log.names.slice(1)) {
    const { label } = identityOf(name);
    const row = await log.context.store.readLabelAt(await log.context.vrf.labelKey(label), size);
    for (const [version, position] of (row?.positions ?? []).entries()) {
      const asked = { last: undefined, label, entries: [{ position, version }] };
      await ask(prover.contactMonitor(asked));
      await ask(prover.ownerMonitor({ ...asked, start: position, greatestVersion: version }));
      await ask(
        prover.update({
          last: undefined,
          label,
          greatestVersion: version - 1 < 0 ? undefined : version - 1,
          values: [],
        }),
      );
    }
    // Entry 0 and those of index 2^k-1 on the left spine are always distinguished.
    for (const start of [0, 1, 3, 7, 15, 31]) {
      await ask(prover.ownerInit({ last: undefined, label, start }));
      await ask(prover.credential({ label, position: start }));
    }
  }
  return counts;
}

describe('the pruner', () => {
  it('drops exactly the tiles that only expired versions have, and no proof misses one', async () => {
    const { store } = log.context;
    const { size } = (await log.service.progress.released()).released;
    const kept = await firstKept();
    expect(kept).toBeGreaterThan(10);
    const before = await tilesOfVersions(store, 0, size);
    const bases = new Map<string, TileName>();
    const needed = await tilesOfVersions(store, kept, size, bases);
    const expired = [...bases.keys()].filter((key) => !needed.has(key));
    expect(expired.length).toBeGreaterThan(0);
    expect(needed.size).toBeLessThan(before.size);
    const counts = await searchAll();
    expect(counts.expired).toBeGreaterThan(3);
    expect(counts.found).toBeGreaterThan(10);

    const others = await askAll();
    expect(others.expired).toBeGreaterThan(5);
    expect(others.answered).toBeGreaterThan(20);
    const updates = await allUpdates();
    const pruner = new Pruner(log.context);
    expect(await pruneAll(pruner)).toBeGreaterThan(0);
    expect(await allUpdates()).toEqual(updates);
    // An entry that changed nothing has the tree of the one before: its update needs no tiles.
    const rows = await store.readEntryRange(0, kept + 1);
    const changed = rows.findLast(({ position, prefixTile }) => prefixTile?.position === position);
    expect(await store.readUpdate(changed!.position)).toBeDefined();
    expect(await store.readUpdate(kept + 1)).toBeUndefined();
    expect(await store.readPruned()).toBe(kept + 1);
    const names = [...before.values()];
    const tiles = await store.readPrefixTiles(names);
    const left = names.filter((_, i) => tiles[i] !== undefined).map(formatTileName);
    expect(left.toSorted()).toEqual([...needed.keys(), ...expired].toSorted());
    expect(await searchAll()).toEqual(counts);
    expect(await askAll()).toEqual(others);
    expect(log.events.filter(({ type }) => type === 'pruned').length).toBeGreaterThan(0);
  });

  it('goes on beside appends and searches, also twice at once', async () => {
    const { store } = log.context;
    const pruners = [new Pruner(log.context), new Pruner(log.context)];
    for (let round = 0; round < 6; round++) {
      const { answer } = await log.submit(log.names[3] ?? '');
      await Promise.all([log.step(90 * 60_000), ...pruners.map((pruner) => pruneAll(pruner)), searchAll()]);
      await answer;
    }
    for (const pruner of pruners) await pruneAll(pruner);
    await searchAll();
    const { size } = (await log.service.progress.released()).released;
    const kept = await firstKept();
    expect(await store.readPruned()).toBe(kept + 1);
    await tilesOfVersions(store, kept, size);
  });

  it('can be interrupted anywhere', async () => {
    const { store } = log.context;
    for (let entry = 0; entry < 4; entry++) await log.step(90 * 60_000);
    let failures = 0;
    const failing = new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]): Promise<unknown> => {
          if (failures++ % 3 === 0) throw new Error('interrupted');
          return (value as (...a: unknown[]) => Promise<unknown>).apply(target, args);
        };
      },
    });
    for (let tries = 0; tries < 200; tries++) {
      await new Pruner({ ...log.context, store: failing }).step().catch(() => undefined);
    }
    await pruneAll(new Pruner(log.context));
    const { size } = (await log.service.progress.released()).released;
    await tilesOfVersions(store, await firstKept(), size);
    await searchAll();
  });

  it('runs by itself in the writer, and does nothing in a log without a lifetime', async () => {
    const running = new Pruner(log.context);
    for (let entry = 0; entry < 3; entry++) await log.step(2 * HOUR_MS);
    const before = await log.context.store.readPruned();
    running.start();
    await expect.poll(() => log.context.store.readPruned(), { timeout: 10_000 }).toBeGreaterThan(before);
    await running.stop();
    const forever = { ...log.context.configuration, maximumLifetimeMs: undefined };
    expect(await new Pruner({ ...log.context, configuration: forever }).step()).toBe('idle');
  });
});

describe('a lifetime', () => {
  it('is greater than the monitoring window', async () => {
    const configuration = { maximumLifetimeMs: 2 * HOUR_MS, reasonableMonitoringWindowMs: 2 * HOUR_MS };
    await expect(createHistoryLog({ configuration, rounds: 0 })).rejects.toMatchObject({ code: 'value-out-of-range' });
  });
});
