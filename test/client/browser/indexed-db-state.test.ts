import { describe, expect, it } from 'vitest';
import { IndexedDbState } from '../../../src/client/browser.ts';
import { type ClientState, EMPTY_STATE } from '../../../src/client/state/client-state.ts';
import { formatClientState } from '../../../src/client/state/client-state-json.ts';
import { stateOfContacts, withContact } from '../../support/client-states.ts';
import { MemoryIndexedDb } from '../../support/memory-indexed-db.ts';

// The layout of the database, page by page. A real browser's is in test/browser/.
const code = (expected: string) => expect.objectContaining({ code: expected });
const NAME = '3@example.com';
const LARGE = stateOfContacts(40);

function page(database: MemoryIndexedDb): IndexedDbState {
  return new IndexedDbState('state', { indexedDb: database.factory });
}

const read = (store: IndexedDbState): Promise<ClientState> => store.transact(async (state) => ({ result: state }));
const write = (store: IndexedDbState, next: ClientState): Promise<void> =>
  store.transact(async () => ({ next, result: undefined }));
const change = (store: IndexedDbState, version: number): Promise<ClientState> =>
  store.transact(async (state) => {
    const next = withContact(state, NAME, version);
    return { next, result: next };
  });
const valuesOf = (database: MemoryIndexedDb): Map<string, unknown> =>
  database.stored.get('state') as Map<string, unknown>;

describe('a state in IndexedDB', () => {
  it('is one value while it is small, and a journal with a line a key when it is large', async () => {
    const database = new MemoryIndexedDb();
    const store = page(database);
    await write(store, EMPTY_STATE);
    expect(valuesOf(database).get('state')).toMatchObject({ revision: 1, text: formatClientState(EMPTY_STATE) });
    await write(store, LARGE);
    const next = await change(store, 9);
    expect([...valuesOf(database).keys()].toSorted()).toEqual(['line/0', 'line/1', 'state']);
    // A page of an earlier build refuses a value without a text.
    expect(valuesOf(database).get('state')).toEqual({
      revision: 3,
      write: expect.any(String) as string,
      base: expect.any(String) as string,
      lines: 2,
    });
    expect(await read(page(database))).toEqual(next);
    await write(store, EMPTY_STATE);
    expect([...valuesOf(database).keys()]).toContain('line/2');
  });

  it('of an earlier build opens, however large', async () => {
    const database = new MemoryIndexedDb();
    database.stored.set('state', new Map([['state', { revision: 4, text: formatClientState(LARGE) }]]));
    const store = page(database);
    expect(await read(store)).toEqual(LARGE);
    const next = await change(store, 9);
    expect(valuesOf(database).get('state')).toMatchObject({ revision: 5, lines: 1 });
    expect(await read(page(database))).toEqual(next);
  });

  it('costs less than 16 KB an operation, with 10,000 contacts, and another page reads no more', async () => {
    const database = new MemoryIndexedDb();
    const [store, other] = [page(database), page(database)];
    await write(store, stateOfContacts(10_000));
    await read(other);
    database.putCharacters = 0;
    await change(store, 1);
    expect(database.putCharacters).toBeLessThan(16_384);
    database.requests = 0;
    expect((await read(other)).contacts.get(NAME)?.version).toBe(1);
    // The head, and one line.
    expect(database.requests).toBe(2);
    await read(other);
    expect(database.requests).toBe(3);
  });

  it('is written anew when its changes have become as long as it, and old lines go', async () => {
    const database = new MemoryIndexedDb();
    const [store, other] = [page(database), page(database)];
    await write(store, LARGE);
    let most = 0;
    for (let i = 1; i <= 150; i++) {
      const next = await change(i % 2 === 0 ? store : other, i);
      most = Math.max(most, valuesOf(database).size);
      if (i % 10 === 0) expect(formatClientState(await read(page(database)))).toBe(formatClientState(next));
    }
    expect(most).toBeGreaterThan(40);
    expect(valuesOf(database).size).toBeLessThan(most);
  });

  it('never mixes the changes of two pages that do not wait for each other', async () => {
    const database = new MemoryIndexedDb();
    const [store, other] = [page(database), page(database)];
    await write(store, LARGE);
    const late = store.transact(async (state) => {
      await change(other, 5);
      return { next: { ...state, bundle: 'late' }, result: undefined };
    });
    await expect(late).rejects.toThrow(code('state-locked'));
    expect(await read(store)).toMatchObject({ bundle: 'bundle' });
    expect((await read(page(database))).contacts.get(NAME)?.version).toBe(5);
    const next = await change(store, 6);
    expect(await read(other)).toEqual(next);
  });

  it.each([
    ['small', stateOfContacts(3), 0],
    ['large', LARGE, 0],
    ['large, and about to be written anew', LARGE, 1],
  ])('is as before or after an operation that fails at any request (%s)', async (_, state, isFull) => {
    for (let at = 1; ; at++) {
      const database = new MemoryIndexedDb();
      const store = page(database);
      await write(store, state);
      if (isFull === 1) await fill(store, database);
      const before = await read(store);
      database.failAt = database.requests + at;
      const failed = await change(store, 77).then(
        () => false,
        () => true,
      );
      database.failAt = Number.POSITIVE_INFINITY;
      const found = await read(page(database));
      expect(found.contacts.get(NAME)?.version).toBe(failed ? before.contacts.get(NAME)?.version : 77);
      const next = await change(store, 78);
      expect(formatClientState(await read(page(database)))).toBe(formatClientState(next));
      if (!failed) {
        if (isFull === 1) expect(valuesOf(database).get('state')).toMatchObject({ lines: 2 });
        expect(at).toBeGreaterThan(2);
        return;
      }
    }
  });

  it('is refused where a part of it is missing, damaged or of another state, and stays as it is', async () => {
    const database = new MemoryIndexedDb();
    const store = page(database);
    await write(store, LARGE);
    await change(store, 1);
    await change(store, 2);
    const good = new Map(valuesOf(database));
    const head = good.get('state') as object;
    const line = good.get('line/1') as string;
    const damages: [string, unknown][] = [
      ['line/0', undefined],
      ['line/1', undefined],
      ['line/2', 7],
      ['line/0', (good.get('line/0') as string).replace('"bundle":"bundle"', '"bundle":"bundlf"')],
      ['line/1', line.replace('"version":1', '"version":2')],
      ['line/2', line],
      ['state', { ...head, lines: 4 }],
      ['state', { ...head, lines: 0 }],
      ['state', { ...head, lines: 1.5 }],
      ['state', { ...head, lines: 1_000_000 }],
      ['state', { ...head, base: undefined }],
      ['state', { ...head, text: '' }],
      ['state', { ...head, revision: '3' }],
    ];
    for (const [key, value] of damages) {
      database.stored.set('state', new Map(good).set(key, value));
      await expect(change(page(database), 3), key).rejects.toThrow(code('state-corrupt'));
      expect(valuesOf(database).get(key)).toEqual(value);
    }
    database.stored.set('state', new Map(good).set('state', { ...head, later: 1 }));
    await expect(change(page(database), 3)).rejects.toThrow(code('state-too-new'));
  });
});

/** Changes a contact until the next change writes the whole state. */
async function fill(store: IndexedDbState, database: MemoryIndexedDb): Promise<void> {
  let [used, line] = [0, 0];
  for (let i = 100; used + line <= 2 ** 16; i++) {
    await change(store, i);
    const { lines } = valuesOf(database).get('state') as { readonly lines: number };
    line = (valuesOf(database).get(`line/${lines - 1}`) as string).length;
    used += line;
  }
}
