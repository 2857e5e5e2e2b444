import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../../src/client/client-key.ts';
import {
  type ClientState,
  EMPTY_STATE,
  MemoryState,
  type StateStore,
  type VerifiedMark,
} from '../../../src/client/state/client-state.ts';
import { sealState } from '../../../src/client/state/sealed-state.ts';
import { exportState, importState } from '../../../src/client/state/state-transfer.ts';
import { lossOf } from '../../../src/client/state/state-loss.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

const PASSPHRASE = 'correct horse battery staple';
const cost = { memoryKib: 8192, passes: 1 };
const code = (expected: string) => expect.objectContaining({ code: expected });
const read = (store: StateStore): Promise<ClientState> => store.transact(async (state) => ({ result: state }));

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer();
  const alice = await server.client();
  await alice.register('alice@example.com', { token: server.log.token, key: await generateKey() });
});
afterAll(() => server.close());

/** A store whose client has looked Alice up. */
async function usedStore(): Promise<MemoryState> {
  const store = new MemoryState();
  await (await server.client(store)).lookup('alice@example.com');
  return store;
}

describe('a state that moves', () => {
  it('goes on where it was', async () => {
    const store = await usedStore();
    const text = await exportState(store, PASSPHRASE, { cost });
    const other = new MemoryState();
    expect(await importState(other, text, PASSPHRASE)).toEqual({ lost: [] });
    expect(await read(other)).toEqual(await read(store));
    const client = await server.client(other);
    expect(client.trustOrigin).toBe('pinned');
    await expect(client.lookup('alice@example.com')).resolves.toMatchObject({
      binding: { change: { type: 'unchanged' } },
    });
    // The newer state may take the older one's place.
    expect(await importState(store, await exportState(other, PASSPHRASE, { cost }), PASSPHRASE)).toEqual({ lost: [] });
  });

  it('does not take the place of one that knows more, unless told', async () => {
    const store = await usedStore();
    const before = await read(store);
    const empty = await sealState(EMPTY_STATE, PASSPHRASE, { cost });
    await expect(importState(store, empty, PASSPHRASE)).rejects.toThrow(code('state-knows-more'));
    expect(await read(store)).toEqual(before);
    const { lost } = await importState(store, empty, PASSPHRASE, { overwrite: true });
    expect(lost).toEqual([
      'the pinned trust bundle',
      `the tree head of size ${before.view?.size}`,
      'version 0 of alice@example.com',
    ]);
    expect(await read(store)).toEqual(EMPTY_STATE);
  });

  it('leaves the store alone where it cannot be opened', async () => {
    const store = await usedStore();
    const before = await read(store);
    const text = await exportState(store, PASSPHRASE, { cost });
    await expect(importState(store, text, 'another passphrase')).rejects.toThrow(code('wrong-passphrase'));
    expect(await read(store)).toEqual(before);
  });

  it('says what would be lost', async () => {
    const state = await read(await usedStore());
    const hash = new Uint8Array(32);
    const version = { version: 3, commitment: hash, origin: 'made', spkis: undefined } as const;
    const owner = { state: undefined, versions: [version], monitoredAtMs: undefined };
    const alert = { identity: 'a@b', type: 'operator', version: 1, reason: '', value: undefined, seenAtMs: 0 } as const;
    if (state.view === undefined) throw new Error('no view');
    const unsettled = {
      label: hash,
      version: 0,
      terminalPosition: 0,
      prefixRoot: hash,
      ladder: [],
      view: state.view,
    };
    const credential = { identity: 'c@d', unsettled, receivedAtMs: 0 };
    const rich = {
      ...state,
      owners: new Map([['o@p', owner]]),
      alerts: [alert],
      credentials: [credential],
      audit: 'x',
    };
    expect(lossOf(rich, rich)).toEqual([]);
    expect(lossOf(EMPTY_STATE, rich)).toEqual([]);
    expect(lossOf(rich, state)).toHaveLength(4);
    expect(lossOf(rich, { ...rich, owners: new Map([['o@p', { ...owner, versions: [] }]]) })).toEqual([
      'how version 3 of the user’s o@p came to be',
    ]);
  });

  it('shows a fork between two clients', async () => {
    const state = await read(await usedStore());
    const { view } = state;
    if (view === undefined) throw new Error('no view');
    const fullSubtrees = view.fullSubtrees.map((head) => head.map((byte) => byte ^ 1));
    const forked = { ...state, view: { ...view, fullSubtrees } };
    expect(() => lossOf(state, forked)).toThrow(code('log-forked'));
  });

  it('counts a contact that was compared in person, and a mark that the keys have lost', async () => {
    const state = await read(await usedStore());
    const mark = { version: 0, commitment: new Uint8Array(32), keys: [new Uint8Array(32)], markedAtMs: 1 };
    const withMark = (one: VerifiedMark): ClientState => ({ ...state, verified: new Map([['bob@example.com', one]]) });
    const [marked, lost] = [withMark(mark), withMark({ ...mark, lostAt: 2 })];
    const again = withMark({ ...mark, version: 2, markedAtMs: 2 });
    const compared = ['that the keys of bob@example.com were compared with their owner'];
    expect(lossOf(marked, state)).toEqual(compared);
    expect(lossOf(again, marked)).toEqual(compared);
    expect(lossOf(lost, marked)).toEqual(['that version 2 of bob@example.com took the mark of its keys away']);
    for (const next of [lost, again]) expect(lossOf(marked, next)).toEqual([]);
    for (const next of [lost, again]) expect(lossOf(lost, next)).toEqual([]);
  });
});
