import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { KeyDirectory, type KeyDirectoryOptions } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { fingerprint, signTrustBundle } from '../../src/contract/bundle-signature.ts';
import { formatTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { PATHS } from '../../src/contract/paths.ts';
import type { SignedTrustBundle } from '../../src/contract/trust-bundle.ts';
import { formatBase64 } from '../../src/core/encoding/bytes.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import { LyingOperator } from '../support/lying-operator.ts';
import { failure, readState } from '../support/victims.ts';

const ALICE = 'alice@example.com';
const BOB = 'bob@example.com';
let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start();
  const client = await operator.client();
  for (const name of [ALICE, BOB]) {
    await client.register(name, { token: operator.server.log.token, key: await generateKey() });
  }
});
afterAll(() => operator.stop());

/** A network that can be away, and shows another bundle if told to. */
class Network {
  isAway = false;
  shown: SignedTrustBundle | undefined;
  readonly asked: string[] = [];

  readonly fetch: Fetch = async (url, init) => {
    const path = url.slice(operator.server.url.length);
    if (this.isAway) throw new TypeError('fetch failed');
    this.asked.push(path);
    if (path === PATHS.trustBundle && this.shown !== undefined) return new Response(formatTrustBundle(this.shown));
    return fetch(url, init);
  };
}

const open = (state: MemoryState, network: Network, more: Partial<KeyDirectoryOptions> = {}): Promise<KeyDirectory> =>
  KeyDirectory.open({
    server: operator.server.url,
    state,
    now: operator.server.log.clock.now,
    fetch: network.fetch,
    ...more,
  });

/** The state of an app that has looked Alice up, and the network, which is away now. */
async function usedApp(): Promise<{ readonly state: MemoryState; readonly network: Network }> {
  const [state, network] = [new MemoryState(), new Network()];
  await (await open(state, network)).lookup(ALICE);
  network.isAway = true;
  network.asked.length = 0;
  return { state, network };
}

describe('a directory that is opened without a network', () => {
  it('opens by the pinned bundle, and shows what it remembers', async () => {
    const { state, network } = await usedApp();
    const directory = await open(state, network);
    expect([directory.trustOrigin, directory.fingerprint]).toEqual([
      'pinned',
      fingerprint(operator.server.bundle.bundle),
    ]);
    expect(await directory.isKnown(ALICE)).toBe(true);
    expect(await directory.isKnown(BOB)).toBe(false);
    expect(await directory.alerts()).toEqual([]);
    expect(await directory.markedKeys(ALICE)).toBeUndefined();
  });

  it('fails what needs the server as the network does, one operation or many, and changes nothing', async () => {
    const { state, network } = await usedApp();
    const before = await readState(state);
    const directory = await open(state, network);
    const code = { code: 'network-failed' };
    expect(await failure(directory.lookup(ALICE))).toMatchObject(code);
    expect(await failure(directory.monitor())).toMatchObject(code);
    expect(await failure(directory.logEnd())).toMatchObject(code);
    const key = await generateKey();
    expect(await failure(directory.requestEmailCode(ALICE, { key }))).toMatchObject(code);
    expect(await directory.lookupMany([ALICE, BOB])).toMatchObject([{ error: code }, { error: code }]);
    expect(await readState(state)).toBe(before);
  });

  it('goes on when the network is back, and asks for the bundle before anything else', async () => {
    const { state, network } = await usedApp();
    const directory = await open(state, network);
    expect(await failure(directory.lookup(BOB))).toMatchObject({ code: 'network-failed' });
    network.isAway = false;
    const [alice, bob] = await Promise.all([directory.lookup(ALICE), directory.lookup(BOB)]);
    expect([alice.found, bob.found]).toEqual([true, true]);
    expect(network.asked[0]).toBe(PATHS.trustBundle);
    expect(network.asked.filter((path) => path === PATHS.trustBundle)).toHaveLength(1);
    expect(await directory.lookupMany([ALICE, BOB])).toMatchObject([{ result: {} }, { result: {} }]);
  });

  it('takes up a signed successor then, before anything is asked under the old one', async () => {
    const { state, network } = await usedApp();
    const directory = await open(state, network);
    const { bundle, bundleKey } = operator.server;
    network.shown = await signTrustBundle({ ...bundle.bundle, sequence: 2 }, [bundleKey]);
    network.isAway = false;
    expect(await directory.lookup(ALICE)).toMatchObject({ found: true });
    expect(directory.fingerprint).toBe(fingerprint(network.shown.bundle));
    expect((await readState(state)).pinned?.fingerprint).toBeUndefined();
    expect((await readState(state)).bundle).toBe(formatTrustBundle(network.shown));
  });

  it('sends nothing to a server that shows another log by then, and says so at every attempt', async () => {
    const { state, network } = await usedApp();
    const before = await readState(state);
    const directory = await open(state, network);
    const stranger = signerFromKey(await createKey('ed25519'));
    const { bundle } = operator.server.bundle;
    const other = { ...bundle, origin: 'keys.example/other', bundleKey: formatBase64(stranger.publicKey) };
    network.shown = await signTrustBundle(other, [stranger]);
    network.isAway = false;
    const [{ code }] = [(await failure(open(state, network))) as { readonly code: string }];
    const key = await generateKey();
    expect(await failure(directory.register(BOB, { token: 'a secret', key }))).toMatchObject({ code });
    expect(await failure(directory.requestEmailCode(BOB, { key }))).toMatchObject({ code });
    expect(await failure(directory.notices(BOB, key, { list: true }))).toMatchObject({ code });
    expect(await failure(directory.confirmNotices(BOB, '0'.repeat(32), '123456'))).toMatchObject({ code });
    expect(await directory.lookupMany([ALICE])).toMatchObject([{ error: { code } }]);
    const both = [directory.lookup(ALICE), directory.lookup(BOB), directory.logEnd(), directory.lookupMany([BOB])];
    const reasons = [{ code }, { code }, { code }, [{ error: { code } }]];
    expect(await Promise.all(both.map((one) => one.catch((error: unknown) => error)))).toMatchObject(reasons);
    expect(new Set(network.asked)).toEqual(new Set([PATHS.trustBundle]));
    expect(await readState(state)).toBe(before);
  });

  it('does not open without a pinned bundle, by another fingerprint, or after its caller has ended requests', async () => {
    const { state, network } = await usedApp();
    const fails = (of: MemoryState, more: Partial<KeyDirectoryOptions> = {}): Promise<unknown> =>
      failure(open(of, network, more));
    expect(await fails(new MemoryState())).toMatchObject({ code: 'network-failed' });
    const given = { bundle: operator.server.bundle };
    expect(await fails(new MemoryState(), given)).toMatchObject({ code: 'network-failed' });
    expect(await fails(state, { fingerprint: '0'.repeat(64) })).toMatchObject({ code: 'fingerprint-mismatch' });
    expect(await fails(state, { signal: AbortSignal.abort() })).toMatchObject({ code: 'network-failed' });
    const { bundle, bundleKey } = operator.server;
    const newer = await signTrustBundle({ ...bundle.bundle, sequence: 2 }, [bundleKey]);
    expect(await fails(state, { bundle: newer })).toMatchObject({ code: 'network-failed' });
    await expect(open(state, network, given)).resolves.toMatchObject({ trustOrigin: 'given' });
  });

  it('opens for no other failure than that of the network', async () => {
    const { state } = await usedApp();
    const answers =
      (status: number): Fetch =>
      async () =>
        new Response('<html>', { status });
    for (const status of [200, 302, 404, 502]) {
      const opened = open(state, new Network(), { fetch: answers(status) });
      expect([status, await failure(opened)]).not.toMatchObject([status, { code: 'network-failed' }]);
    }
  });
});

describe('a directory that is opened with `offline`', () => {
  it('makes no request, also where the network is there', async () => {
    const { state, network } = await usedApp();
    network.isAway = false;
    const directory = await open(state, network, { offline: true });
    expect(await directory.isKnown(ALICE)).toBe(true);
    expect(await failure(directory.lookup(ALICE))).toMatchObject({ code: 'network-failed' });
    expect(await failure(directory.logEnd())).toMatchObject({ code: 'network-failed' });
    expect(network.asked).toEqual([]);
  });
});
