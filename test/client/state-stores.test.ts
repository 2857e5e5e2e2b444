import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientState, EMPTY_STATE, MemoryState, type StateStore } from '../../src/client/state/client-state.ts';
import { FolderState } from '../../src/client/node.ts';

// What every store promises. IndexedDB's is in test/browser/, with the same promises.
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-stores-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let made = 0;
const STORES: [string, () => StateStore][] = [
  ['memory', () => new MemoryState()],
  ['folder', () => new FolderState(join(folder, String(made++)))],
];

const read = (store: StateStore): Promise<ClientState> => store.transact(async (state) => ({ result: state }));
const append = (store: StateStore, text: string): Promise<string> =>
  store.transact(async (state) => {
    const bundle = (state.bundle ?? '') + text;
    await new Promise((resolve) => setImmediate(resolve));
    return { next: { ...state, bundle }, result: bundle };
  });

describe.each(STORES)('a store in %s', (_, create) => {
  it('is empty at first, and holds what it was given', async () => {
    const store = create();
    expect(await read(store)).toEqual(EMPTY_STATE);
    expect(await append(store, 'a')).toBe('a');
    expect((await read(store)).bundle).toBe('a');
  });

  it('runs one operation after the other, in their order', async () => {
    const store = create();
    const all = await Promise.all('abcdefgh'.split('').map((letter) => append(store, letter)));
    expect(all.at(-1)).toBe('abcdefgh');
  });

  it('is left as it was by work that fails, and goes on', async () => {
    const store = create();
    await append(store, 'a');
    const failing = store.transact(() => Promise.reject(new Error('no')));
    const after = append(store, 'b');
    await expect(failing).rejects.toThrow('no');
    expect(await after).toBe('ab');
    expect((await read(store)).bundle).toBe('ab');
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
