import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeUpdateBundle } from '../../../src/core/audit/update-bundle.ts';
import { UpdateBundles } from '../../../src/service/log/update-bundles.ts';

/** Updates of one length, as if all were in the cache: nothing in them waits for a database. */
class FakeUpdates {
  readonly reads: number[] = [];
  readonly #packed: Uint8Array;
  /** Called before each read. */
  onRead: (position: number) => void = () => undefined;

  constructor(bytes: number) {
    this.#packed = new Uint8Array(gzipSync(new Uint8Array(bytes).fill(7)));
  }

  readAhead(): Promise<void> {
    return Promise.resolve();
  }

  read(position: number): Promise<Uint8Array> {
    this.onRead(position);
    this.reads.push(position);
    return Promise.resolve(this.#packed);
  }
}

const gone = expect.objectContaining({ code: 'invalid-request' });

describe('bundles of updates', () => {
  it('are not made of updates that are longer than a mebibyte together, and reading stops there', async () => {
    const updates = new FakeUpdates(20_000);
    const bundles = new UpdateBundles(updates);
    expect(await bundles.read(3)).toBeUndefined();
    expect(updates.reads).toHaveLength(56);
    expect(await bundles.read(3)).toBeUndefined();
    expect(updates.reads).toHaveLength(56);
  });

  it('are read no further once their asker has gone, and anew for the next one', async () => {
    const updates = new FakeUpdates(100);
    const bundles = new UpdateBundles(updates);
    const asker = new AbortController();
    updates.onRead = (position) => {
      if (position === 20) asker.abort();
    };
    await expect(bundles.read(0, { signal: asker.signal })).rejects.toThrow(gone);
    expect(updates.reads).toHaveLength(24);
    const bundle = await bundles.read(0, { signal: new AbortController().signal });
    expect(decodeUpdateBundle(new Uint8Array(gunzipSync(bundle ?? new Uint8Array())))).toHaveLength(256);
    expect(updates.reads).toHaveLength(24 + 256);
  });

  it('are read on while anybody wants them', async () => {
    const updates = new FakeUpdates(100);
    const bundles = new UpdateBundles(updates);
    const [first, second] = [new AbortController(), new AbortController()];
    updates.onRead = (position) => {
      if (position === 20) first.abort();
    };
    const asked = [first, second].map(({ signal }) => bundles.read(0, { signal }));
    expect(await Promise.all(asked)).toHaveLength(2);
    expect(updates.reads).toHaveLength(256);
  });

  it('are begun anew for who asks in the moment in which the last asker has gone', async () => {
    const updates = new FakeUpdates(100);
    const bundles = new UpdateBundles(updates);
    const first = new AbortController();
    let second: Promise<Uint8Array | undefined> | undefined;
    updates.onRead = (position) => {
      if (position !== 20 || second !== undefined) return;
      first.abort();
      second = bundles.read(0);
    };
    const asked = bundles.read(0, { signal: first.signal });
    await asked.catch(() => undefined);
    expect(second).toBeDefined();
    expect(await second).toBeInstanceOf(Uint8Array);
  });

  it('ask nothing for an asker who has gone already', async () => {
    const updates = new FakeUpdates(100);
    const asker = new AbortController();
    asker.abort();
    await expect(new UpdateBundles(updates).read(0, { signal: asker.signal })).rejects.toThrow(gone);
    expect(updates.reads).toEqual([]);
  });

  it('charge an asker who is there for what is read, and nobody for what is cached', async () => {
    const bundles = new UpdateBundles(new FakeUpdates(100));
    const charged = [0, 0, 0];
    const read = (i: number) => bundles.read(0, { charge: (bytes) => (charged[i]! += bytes) });
    await Promise.all([read(0), read(1)]);
    await read(2);
    expect(charged).toEqual([256 * 104, 0, 0]);
  });

  it('let others have their turn in between, also where everything is in memory', async () => {
    let turns = 0;
    let isDone = false;
    const others = (): void => {
      turns++;
      if (!isDone) setImmediate(others);
    };
    setImmediate(others);
    await new UpdateBundles(new FakeUpdates(100)).read(0);
    isDone = true;
    expect(turns).toBeGreaterThanOrEqual(32);
  });
});
