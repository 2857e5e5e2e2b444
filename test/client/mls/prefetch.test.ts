import { createCommit, emptyPskIndex, joinGroup, type Welcome } from 'ts-mls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PATHS } from '../../../src/contract/paths.ts';
import type { NewKeyPackage } from '../../../src/client/mls/key-package.ts';
import { leavesOf } from '../../../src/client/mls/group-leaves.ts';
import { adding, groupOf, type MlsTestDevice, newMlsDevice, publish } from '../../support/mls-devices.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

const SERVES_MS = 1000;

let server: TestServer;
let count = 0;
beforeAll(async () => {
  // ts-mls judges lifetimes by the clock of the machine.
  server = await createTestServer({ startMs: Date.now(), limits: { verifyOneIn: 0 } });
});
afterAll(() => server.close());

const device = (name: string): Promise<MlsTestDevice> =>
  newMlsDevice(server, `p${++count}-${name}@example.com`, { servesMs: SERVES_MS });

describe('the hook, in functions of ts-mls themselves', () => {
  let alice: MlsTestDevice;
  let dave: MlsTestDevice;
  let own: NewKeyPackage;
  let welcome: Welcome;
  beforeEach(async () => {
    const [bob, carol] = [await device('bob'), await device('carol')];
    [alice, dave] = [await device('alice'), await device('dave')];
    await groupOf(alice, bob, carol);
    own = await publish(dave);
    const context = { state: alice.group, cipherSuite: alice.suite };
    const made = await createCommit(context, { extraProposals: [adding(own.publicPackage)] });
    alice.group = made.newState;
    welcome = made.welcome as Welcome;
    dave.requests.splice(0);
  });

  /** Joins by the function of ts-mls. Returns the requests that it cost. */
  async function join(): Promise<readonly string[]> {
    const { publicPackage, privatePackage } = own;
    const { suite, auth } = dave;
    dave.group = await joinGroup(
      welcome,
      publicPackage,
      privatePackage,
      emptyPskIndex,
      suite,
      alice.group.ratchetTree,
      undefined,
      auth.clientConfig(),
    );
    return dave.requests;
  }

  it('asks for each member of a group, one after the other', async () => {
    await expect(join()).resolves.toEqual([PATHS.lookupBatch, PATHS.lookupBatch, PATHS.lookupBatch, PATHS.lookup]);
  });

  it('asks for nobody after a prefetch of the tree, which asks once', async () => {
    await dave.auth.prefetch({ tree: alice.group.ratchetTree });
    expect(dave.requests).toEqual([PATHS.lookup, PATHS.lookupBatch]);
    await expect(join()).resolves.toHaveLength(2);
    const claims = [...leavesOf(dave.group.ratchetTree).values()];
    expect(claims).toHaveLength(4);
    await dave.auth.prefetch({ claims });
    expect(dave.requests).toHaveLength(4);
  });

  it.each([
    ['time passes', () => server.log.clock.advance(SERVES_MS)],
    ['the clock is set back', () => server.log.clock.step(-1)],
    ['they are refreshed', () => dave.auth.refresh()],
  ])('asks again once %s', async (_, change) => {
    await dave.auth.prefetch({ tree: alice.group.ratchetTree });
    change();
    await expect(join()).resolves.toHaveLength(6);
  });

  it('uses no answer that was asked for before a refresh and came after it', async () => {
    const prefetching = dave.auth.prefetch({ tree: alice.group.ratchetTree });
    await new Promise((resolve) => setImmediate(resolve));
    dave.auth.refresh();
    await prefetching;
    await expect(join()).resolves.toHaveLength(6);
  });

  it('refuses nothing by an old answer', async () => {
    await dave.auth.prefetch({ tree: alice.group.ratchetTree });
    const tablet = await newMlsDevice(server, alice.name, { by: alice });
    const { credential, signaturePublicKey } = (await publish(tablet)).publicPackage.leafNode;
    await expect(dave.auth.service.validateCredential(credential, signaturePublicKey)).resolves.toBe(true);
    expect(dave.requests).toHaveLength(3);
  });
});
