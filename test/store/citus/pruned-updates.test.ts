import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../../src/store/open-store.ts';
import type { Store } from '../../../src/store/ports.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { until } from '../../support/until.ts';
import { bytes, sampleBatch } from '../samples.ts';

/** Resolves to true once every node shows what was committed. */
let shown = Promise.resolve(true);
let store: Store;

beforeAll(async () => {
  store = await openStore(await createTestDatabase(), { isSettled: () => shown });
});
afterAll(() => store.close());

describe('pruning on nodes that show commits late', () => {
  it('deletes a tile only once every node shows the update that is derived from it', async () => {
    const { logId } = await store.createLog({ origin: 'late.example', configuration: new Uint8Array(4) });
    const log = store.log(logId);
    const batch = sampleBatch(0, [], { entryCount: 3 });
    await log.append({ ...batch, updates: batch.updates.map(() => undefined) });
    const tile = { position: 0, counter: 0 };
    const kept = { position: 1, update: bytes('update', 40) };
    let show!: (isShown: true) => void;
    shown = new Promise((resolve) => {
      show = resolve;
    });
    const pruning = log.prune({ from: 0, to: 2, prefixTiles: [tile], updates: [kept] });
    await until(async () => (await log.readUpdate(1)) !== undefined);
    expect(await log.readPrefixTiles([tile])).not.toEqual([undefined]);
    expect(await log.readPruned()).toBe(0);
    show(true);
    expect(await pruning).toEqual({ dropped: 1 });
    expect(await log.readUpdate(1)).toEqual(kept.update);
    expect(await log.readPrefixTiles([tile])).toEqual([undefined]);
  });
});
