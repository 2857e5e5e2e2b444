import { afterEach, beforeEach, describe, expect } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import { signCheckpoint } from '../../src/core/audit/checkpoint.ts';
import { noteSigner } from '../../src/core/audit/note.ts';
import { newDeviceKey } from '../support/owner.ts';
import { LyingOperator } from '../support/lying-operator.ts';
import { failure, readState } from '../support/victims.ts';
import { startWatcher, type TestWatcher } from '../support/watching.ts';
import { attack } from './attack.ts';

const BOB = 'bob@example.com';

let operator: LyingOperator;
const open: TestWatcher[] = [];
beforeEach(async () => {
  operator = await LyingOperator.start();
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await operator.stop();
});

/** Bob with a client of his own, which has looked himself up. */
async function owner(): Promise<{ bob: KeyDirectory; state: MemoryState }> {
  const state = new MemoryState();
  const bob = await operator.client({ state });
  await bob.register(BOB, { token: operator.server.log.token, key: await generateKey() });
  return { bob, state };
}

async function watch(more: Partial<Parameters<typeof startWatcher>[0]> = {}): Promise<TestWatcher> {
  const { url: server, log } = operator.server;
  const started = await startWatcher({ server, now: log.clock.now, ...more });
  open.push(started);
  return started;
}

/** A checkpoint by the log's own key: as many entries as the log has, and a root that they do not have. */
function otherCheckpoint(size: number): Promise<string> {
  const { origin, keys } = operator.server.log.context;
  const rootHash = new Uint8Array(32).fill(7);
  return signCheckpoint({ origin, size, rootHash, extensions: [] }, [noteSigner(origin, keys.checkpoint)]);
}

describe('a watcher', () => {
  attack('watcher-shown-another-log', async () => {
    const { bob, state } = await owner();
    const size = (await operator.server.log.context.store.readHead()).size;
    // All that is left of the other log is the checkpoint that the watcher was shown, and serves.
    const before = await readState(state);
    const noticed = await failure(bob.compareCheckpoint(await otherCheckpoint(size)));
    expect(await readState(state)).toBe(before);
    await operator.appendNothing();
    return [noticed, await failure(bob.compareCheckpoint(await otherCheckpoint(size)))];
  });

  attack('two-watchers-shown-two-logs', async () => {
    await owner();
    const size = (await operator.server.log.context.store.readHead()).size;
    const peers = [{ url: 'http://peer.test', checkpoint: () => otherCheckpoint(size) }];
    const one = await watch({ peers });
    // The first round hears of the other log, and the second one proves it.
    await one.watcher.step();
    await one.watcher.step();
    expect(one.events).toContainEqual({ type: 'alarm', code: 'log-forked' });
    return one.watcher.health.misbehaviour;
  });

  attack('watcher-accuses-falsely', async () => {
    const { bob } = await owner();
    const { origin } = operator.server.log.context;
    const size = (await operator.server.log.context.store.readHead()).size;
    const forged = await signCheckpoint({ origin, size, rootHash: new Uint8Array(32), extensions: [] }, [
      noteSigner(origin, await newDeviceKey()),
    ]);
    const one = await watch({ peers: [{ url: 'http://peer.test', checkpoint: async () => forged }] });
    for (let i = 0; i < 4; i++) await one.watcher.step();
    // Another watcher does not believe it, and the owner's client blames the text.
    expect(one.watcher.health.misbehaviour).toBeUndefined();
    return failure(bob.compareCheckpoint(forged));
  });
});
