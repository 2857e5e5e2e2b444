import { afterAll, beforeAll, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { signLogEnd } from '../../src/core/audit/log-end.ts';
import { endLog } from '../../src/service/sequencing/end-log.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';
import { startWatcher, type TestWatcher } from '../support/watching.ts';

const BOB = 'bob@example.com';
const successor = {
  origin: 'log.example/next',
  url: 'https://next.example',
  fingerprint: new Uint8Array(32).fill(5),
  bundleKey: new Uint8Array(32).fill(6),
};

let server: TestServer;
let watcher: TestWatcher;
beforeAll(async () => {
  server = await createTestServer({ loop: false });
});
afterAll(async () => {
  await watcher.close();
  await server.close();
});

/** Runs the sequencer until `work` is done. */
async function sequenced(work: Promise<unknown>): Promise<void> {
  const done = work.then(() => 'done' as const);
  const step = () => server.log.service.sequencer.step().then(() => new Promise(setImmediate));
  while ((await Promise.race([done, step()])) !== 'done');
}

it('that a log has ended, and which one goes on, is told to the owners of watched names once', async () => {
  const { clock, token, context } = server.log;
  await server.log.service.sequencer.step();
  const owner = await KeyDirectory.open({ server: server.url, state: new MemoryState(), now: clock.now });
  const key = await generateKey();
  await sequenced(owner.register(BOB, { token, key }));
  watcher = await startWatcher({ server: server.url, now: clock.now });
  await watcher.watcher.step();
  await watcher.watch(owner, BOB, key);
  await watcher.watcher.step();
  expect(watcher.told(BOB)).toEqual([]);
  const sign = (position: number) =>
    signLogEnd({ format: 1, origin: context.origin, position, reason: 'moved', successor }, (message) =>
      server.bundleKey.sign(message),
    );
  await endLog(context, { sign, who: 'admin:test', acceptClockGap: false });
  for (let i = 0; i < 3; i++) await watcher.watcher.step();
  expect(watcher.told(BOB)).toHaveLength(1);
  expect(watcher.told(BOB)[0]).toMatchObject({ subject: `The log ${context.origin} has ended` });
  expect(watcher.told(BOB)[0]?.text).toContain('log.example/next');
  clock.advance(20 * 86_400_000);
  await watcher.watcher.step();
  const types = watcher.events.map(({ type }) => type);
  expect(types.filter((type) => type === 'ended')).toHaveLength(1);
  expect(types).not.toContain('alarm');
  expect(watcher.watcher.health).toMatchObject({ isBlind: false, misbehaviour: undefined });
  expect(watcher.told(BOB)).toHaveLength(1);
});
