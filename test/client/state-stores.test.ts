import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientState, EMPTY_STATE, MemoryState, type StateStore } from '../../src/client/state/client-state.ts';
import { IndexedDbState } from '../../src/client/browser.ts';
import { FolderState } from '../../src/client/node.ts';
import { formatClientState } from '../../src/client/state/client-state-json.ts';
import { stateOfContacts, withContact } from '../support/client-states.ts';
import { MemoryIndexedDb } from '../support/memory-indexed-db.ts';

// What every store promises. What IndexedDB promises in a browser is in test/browser/.
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-stores-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let made = 0;
/** Makes a store, and another one of the same place, as another process has it. */
const STORES: [string, () => readonly [StateStore, StateStore]][] = [
  [
    'memory',
    () => {
      const store = new MemoryState();
      return [store, store];
    },
  ],
  [
    'a folder',
    () => {
      const path = join(folder, String(made++));
      return [new FolderState(path), new FolderState(path)];
    },
  ],
  [
    'IndexedDB',
    () => {
      const indexedDb = new MemoryIndexedDb().factory;
      return [new IndexedDbState('state', { indexedDb }), new IndexedDbState('state', { indexedDb })];
    },
  ],
];

const read = (store: StateStore): Promise<ClientState> => store.transact(async (state) => ({ result: state }));
const append = (store: StateStore, text: string): Promise<string> =>
  store.transact(async (state) => {
    const bundle = (state.bundle ?? '') + text;
    await new Promise((resolve) => setImmediate(resolve));
    return { next: { ...state, bundle }, result: bundle };
  });

describe.each(STORES)('a store in %s', (place, create) => {
  it('is empty at first, and holds what it was given', async () => {
    const [store] = create();
    expect(await read(store)).toEqual(EMPTY_STATE);
    expect(await append(store, 'a')).toBe('a');
    expect((await read(store)).bundle).toBe('a');
  });

  it('runs one operation after the other, in their order', async () => {
    const [store] = create();
    const all = await Promise.all('abcdefgh'.split('').map((letter) => append(store, letter)));
    expect(all.at(-1)).toBe('abcdefgh');
  });

  it('is left as it was by work that fails, and goes on', async () => {
    const [store] = create();
    await append(store, 'a');
    const failing = store.transact(() => Promise.reject(new Error('no')));
    const after = append(store, 'b');
    await expect(failing).rejects.toThrow('no');
    expect(await after).toBe('ab');
    expect((await read(store)).bundle).toBe('ab');
  });

  it('is the same to two processes, small and large, whichever of them writes', async () => {
    const stores = create();
    let last: ClientState = { ...stateOfContacts(10), bundle: '0' };
    const write = (store: StateStore, next: ClientState) => store.transact(async () => ({ next, result: undefined }));
    await write(stores[0], last);
    for (let i = 1; i <= 120; i++) {
      last = withContact({ ...last, bundle: String(i) }, `${i % 60}@example.com`, i);
      if (i % 7 === 0) last = { ...last, contacts: new Map([...last.contacts].slice(1)) };
      const [reader, writer] = i % 5 < 2 ? stores : stores.toReversed();
      await write(writer, last);
      const found = await read(reader);
      expect(formatClientState(found)).toBe(formatClientState(last));
    }
    expect(last.contacts.size).toBeGreaterThan(40);
    await write(stores[1], EMPTY_STATE);
    expect(await read(stores[0])).toEqual(EMPTY_STATE);
  });

  it.skipIf(place === 'memory')('refuses what could not be read back, and keeps what it has', async () => {
    const [store] = create();
    const large = stateOfContacts(40);
    await store.transact(async () => ({ next: large, result: undefined }));
    const bad = { ...large, contacts: new Map([['a', { ...large.contacts.values().next().value, version: 0.5 }]]) };
    const writing = store.transact(async () => ({ next: bad as ClientState, result: undefined }));
    await expect(writing).rejects.toMatchObject({ code: 'state-corrupt' });
    expect(await read(store)).toEqual(large);
    expect(await append(store, 'x')).toBe('bundlex');
  });
});

it('a folder of a newer version is left as it is', async () => {
  const path = join(folder, 'newer');
  await append(new FolderState(path), 'a');
  const file = join(path, 'state.json');
  const newer = JSON.stringify({ ...(JSON.parse(await readFile(file, 'utf8')) as object), format: 4, later: 1 });
  await writeFile(file, newer);
  await expect(append(new FolderState(path), 'b')).rejects.toMatchObject({ code: 'state-too-new' });
  expect(await readFile(file, 'utf8')).toBe(newer);
});
