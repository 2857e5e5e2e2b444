import type { CiphersuiteName } from 'ts-mls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../../src/client/client-key.ts';
import { deviceSuite } from '../../../src/client/mls/device-suite.ts';
import {
  adding,
  bareSuite,
  groupOf,
  type MlsTestDevice,
  newMlsDevice,
  publish,
  receive,
  says,
  SUITE,
  take,
} from '../../support/mls-devices.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

let server: TestServer;
let count = 0;
beforeAll(async () => {
  // ts-mls judges lifetimes by the clock of the machine.
  server = await createTestServer({ startMs: Date.now(), limits: { verifyOneIn: 0 } });
});
afterAll(() => server.close());

async function device(name: string, suite: CiphersuiteName = SUITE): Promise<MlsTestDevice> {
  const key = await generateKey({ type: suite === SUITE ? 'ed25519' : 'p256' });
  return newMlsDevice(server, `s${++count}-${name}@example.com`, { suite, key });
}

/** Rotates the key of a device in the log. Returns the device as it is then. */
async function rotate(one: MlsTestDevice): Promise<MlsTestDevice> {
  const key = await generateKey({ type: 'ed25519' });
  const issued = await one.directory.rotate(one.name, one.key, key);
  return { ...one, key, issued, suite: deviceSuite(await bareSuite(), key) };
}

/** Replaces a device in its group, as it says to itself and to the others. */
async function replaceIn(before: MlsTestDevice, next: MlsTestDevice, others: readonly MlsTestDevice[]) {
  const { group: state, suite: cipherSuite, key } = before;
  const made = await before.auth.replace({ state, cipherSuite, before: key, next });
  next.group = made.newState;
  return { made, reports: await take(others, made) };
}

describe('a device with a new certificate', () => {
  it('after a rotation is the successor of the old one, and all go on', async () => {
    const [alice, bob, carol] = [await device('alice'), await device('bob'), await device('carol')];
    await groupOf(alice, bob, carol);
    const { members } = await alice.auth.roster(alice.group);
    const next = await rotate(bob);
    await expect(alice.auth.recheck(alice.group)).resolves.toMatchObject({ departed: [{ identity: bob.name }] });
    const { made, reports } = await replaceIn(bob, next, [alice, carol]);
    expect(reports).toMatchObject([
      {
        committer: { leafIndex: 1, identity: bob.name },
        replaced: [{ leafIndex: 1, identity: bob.name, previousSerial: members[1]?.serial }],
        added: [],
        removed: [],
      },
      { replaced: [{ identity: bob.name }] },
    ]);
    expect(made.report).toEqual(reports[0]);
    await expect(says(next, alice, 'new key')).resolves.toBe('new key');
    await expect(says(carol, next, 'seen')).resolves.toBe('seen');
    await expect(
      take([alice, carol], await next.auth.commit({ state: next.group, cipherSuite: next.suite })),
    ).resolves.toHaveLength(2);
    await expect(alice.auth.recheck(alice.group)).resolves.toMatchObject({ members: [{}, { version: 1 }, {}] });
    expect(alice.events).toContainEqual({
      type: 'keys-changed',
      binding: expect.objectContaining({ identity: bob.name, version: 1 }) as object,
    });
  });

  it('can no longer speak with the old key', async () => {
    const [alice, bob] = [await device('alice'), await device('bob')];
    await groupOf(alice, bob);
    const next = await rotate(bob);
    await replaceIn(bob, next, [alice]);
    bob.group = next.group;
    await expect(says(bob, alice, 'by the old key')).rejects.toThrow();
    await expect(says(next, alice, 'by the new key')).resolves.toBe('by the new key');
  });

  it('after a renewal keeps its key', async () => {
    const suite = 'MLS_128_DHKEMP256_AES128GCM_SHA256_P256';
    const [alice, bob] = [await device('alice', suite), await device('bob', suite)];
    await groupOf(alice, bob);
    server.log.clock.advance(1000);
    const next = { ...bob, issued: await bob.directory.renew(bob.name, bob.key) };
    const { reports } = await replaceIn(bob, next, [alice]);
    expect(reports).toMatchObject([{ replaced: [{ leafIndex: 1, identity: bob.name }] }]);
    await expect(says(next, alice, 'renewed')).resolves.toBe('renewed');
  });

  it('does not replace the old one while proposals wait, and not before the log has it', async () => {
    const [alice, bob, carol] = [await device('alice'), await device('bob'), await device('carol')];
    await groupOf(alice, bob);
    const { group: state, suite: cipherSuite, key: before } = bob;
    const next = await rotate(bob);
    const last = await rotate(next);
    await expect(bob.auth.replace({ state, cipherSuite, before, next })).rejects.toThrow(
      code('certificate-not-in-record'),
    );
    const proposal = adding((await publish(carol)).publicPackage);
    const waiting = { ...state, unappliedProposals: { AA: { proposal, senderLeafIndex: 0 } } };
    await expect(bob.auth.replace({ state: waiting, cipherSuite, before, next: last })).rejects.toThrow(code('usage'));
    const stranger = { ...last, key: carol.key };
    await expect(bob.auth.replace({ state, cipherSuite, before, next: stranger })).rejects.toThrow(code('usage'));
    const { made } = await replaceIn(bob, last, []);
    await expect(receive(alice, made.commit)).resolves.toMatchObject({
      report: { replaced: [{ identity: bob.name }] },
    });
  });
});
