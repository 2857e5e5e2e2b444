import {
  createApplicationMessage,
  createGroupInfoWithExternalPubAndRatchetTree,
  decodeGroupState,
  encodeGroupState,
  encodeMlsMessage,
  type MLSMessage,
} from 'ts-mls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../../src/client/client-key.ts';
import { PATHS } from '../../../src/contract/paths.ts';
import {
  addTo,
  adding,
  beginGroup,
  groupOf,
  joinBy,
  type MlsTestDevice,
  newMlsDevice,
  publish,
  receive,
  removing,
  says,
  take,
} from '../../support/mls-devices.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

const ALICE = 'alice@example.com';
const BOB = 'bob@example.com';
const CAROL = 'carol@example.com';

let server: TestServer;
let count = 0;
beforeAll(async () => {
  // ts-mls judges lifetimes by the clock of the machine.
  server = await createTestServer({ startMs: Date.now(), limits: { verifyOneIn: 0 } });
});
afterAll(() => server.close());

/** A name of its own for each test. */
const named = (name: string): string => `t${++count}-${name}`;

describe('a group', () => {
  it('of two sends messages, and costs no request for them', async () => {
    const [alice, bob] = [await newMlsDevice(server, named(ALICE)), await newMlsDevice(server, named(BOB))];
    await groupOf(alice, bob);
    const before = alice.requests.length + bob.requests.length;
    await expect(says(alice, bob, 'hello')).resolves.toBe('hello');
    await expect(says(bob, alice, 'hi')).resolves.toBe('hi');
    expect(alice.requests.length + bob.requests.length).toBe(before);
  });

  it('of two has forward secrecy: a message cannot be read twice', async () => {
    const [alice, bob] = [await newMlsDevice(server, named(ALICE)), await newMlsDevice(server, named(BOB))];
    await groupOf(alice, bob);
    const { privateMessage } = await createApplicationMessage(alice.group, Uint8Array.of(1), alice.suite);
    const message: MLSMessage = { version: 'mls10', wireformat: 'mls_private_message', privateMessage };
    bob.group = (await receive(bob, message)).newState;
    await expect(receive(bob, message)).rejects.toThrow();
  });

  it('of three knows its members by name, and removes one', async () => {
    const alice = await newMlsDevice(server, named(ALICE));
    const bob = await newMlsDevice(server, named(BOB));
    const carol = await newMlsDevice(server, named(CAROL));
    await groupOf(alice, bob, carol);
    const { members, departed } = await carol.auth.roster(carol.group);
    expect(departed).toEqual([]);
    expect(members).toMatchObject([
      { leafIndex: 0, identity: alice.name, version: 0, isSelf: false },
      { leafIndex: 1, identity: bob.name, version: 0, isSelf: false },
      { leafIndex: 2, identity: carol.name, version: 0, isSelf: true },
    ]);
    const context = { state: alice.group, cipherSuite: alice.suite };
    const made = await alice.auth.commit(context, { extraProposals: [removing(1)] });
    alice.group = made.newState;
    const [seen] = await take([carol, bob], made);
    expect(seen).toMatchObject({
      committer: { leafIndex: 0, identity: alice.name },
      isExternal: false,
      added: [],
      removed: [{ leafIndex: 1, identity: bob.name, serial: members[1]?.serial }],
      replaced: [],
    });
    expect(made.report).toEqual(seen);
    expect(bob.group.groupActiveState.kind).toBe('removedFromGroup');
    await expect(says(alice, carol, 'he is gone')).resolves.toBe('he is gone');
    await expect(createApplicationMessage(bob.group, Uint8Array.of(1), bob.suite)).rejects.toThrow();
  });

  it('puts an added member where a removed one was, and takes neither for the successor of the other', async () => {
    const [alice, bob] = [await newMlsDevice(server, named(ALICE)), await newMlsDevice(server, named(BOB))];
    const carol = await newMlsDevice(server, named(CAROL));
    const dave = await newMlsDevice(server, named('dave@example.com'));
    await groupOf(alice, bob, carol);
    const own = await publish(dave);
    const extraProposals = [removing(1), adding(own.publicPackage)];
    const context = { state: alice.group, cipherSuite: alice.suite };
    const made = await alice.auth.commit(context, { extraProposals, ratchetTreeExtension: true });
    alice.group = made.newState;
    const [seen] = await take([carol], made);
    expect(seen).toMatchObject({
      added: [{ leafIndex: 1, identity: dave.name }],
      removed: [{ leafIndex: 1, identity: bob.name }],
      replaced: [],
    });
    await joinBy(dave, made, own);
    await expect(says(dave, carol, 'new here')).resolves.toBe('new here');
  });

  it('has a leaf for each device of a name', async () => {
    const [alice, bob] = [await newMlsDevice(server, named(ALICE)), await newMlsDevice(server, named(BOB))];
    const tablet = await newMlsDevice(server, bob.name, { by: bob });
    await groupOf(alice, bob, tablet);
    const { members } = await alice.auth.roster(alice.group);
    expect(members.map(({ identity }) => identity)).toEqual([alice.name, bob.name, bob.name]);
    expect(new Set(members.map(({ serial }) => serial)).size).toBe(3);
    await expect(says(tablet, bob, 'from the tablet')).resolves.toBe('from the tablet');
  });

  it.each([
    ['MLS_128_DHKEMP256_AES128GCM_SHA256_P256', true],
    ['MLS_128_DHKEMP256_AES128GCM_SHA256_P256', false],
    ['MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519', true],
  ] as const)('of %s has KeyPackages under 1.4 KB; extractable keys: %s', async (suite, extractable) => {
    const type = suite.endsWith('P256') ? 'p256' : 'ed25519';
    const devices = [];
    for (const name of [ALICE, BOB]) {
      const key = await generateKey({ type, extractable });
      devices.push(await newMlsDevice(server, named(name), { suite, key }));
    }
    const [alice, bob] = devices as [(typeof devices)[number], (typeof devices)[number]];
    const { publicPackage, privatePackage } = await publish(alice);
    const bytes = encodeMlsMessage({ version: 'mls10', wireformat: 'mls_key_package', keyPackage: publicPackage });
    expect(bytes.length).toBeLessThan(1400);
    expect(publicPackage.leafNode.credential).toMatchObject({ certificates: [{}, {}] });
    expect(privatePackage.signaturePrivateKey).toHaveLength(0);
    await groupOf(alice, bob);
    await expect(says(alice, bob, 'hello')).resolves.toBe('hello');
  });

  it('outlives a restart: a stored state has the same members, and no private key of the device', async () => {
    const [alice, bob] = [await newMlsDevice(server, named(ALICE)), await newMlsDevice(server, named(BOB))];
    await groupOf(alice, bob);
    const [stored] = decodeGroupState(encodeGroupState(bob.group), 0) ?? [];
    if (stored === undefined) throw new Error('a state that cannot be read');
    expect(stored.signaturePrivateKey).toHaveLength(0);
    bob.group = { ...stored, clientConfig: bob.auth.clientConfig() };
    await expect(says(bob, alice, 'again')).resolves.toBe('again');
    await expect(bob.auth.roster(bob.group)).resolves.toMatchObject({ members: [{}, { isSelf: true }], epoch: 1n });
  });
});

describe('a join', () => {
  it('from outside is accepted for a certified device, and reported', async () => {
    const [alice, bob] = [await newMlsDevice(server, named(ALICE)), await newMlsDevice(server, named(BOB))];
    const carol = await newMlsDevice(server, named(CAROL));
    await groupOf(alice, bob);
    const groupInfo = await createGroupInfoWithExternalPubAndRatchetTree(alice.group, [], alice.suite);
    const own = await publish(carol);
    const { publicMessage, newState } = await carol.auth.joinExternal({ ...own, groupInfo, cipherSuite: carol.suite });
    carol.group = newState;
    const commit: MLSMessage = { version: 'mls10', wireformat: 'mls_public_message', publicMessage };
    const [seen] = await take([alice, bob], { commit });
    expect(seen).toMatchObject({
      committer: { leafIndex: 2, identity: carol.name },
      isExternal: true,
      added: [{ leafIndex: 2, identity: carol.name }],
      removed: [],
    });
    await expect(says(carol, alice, 'I came in')).resolves.toBe('I came in');
  });

  it('of a group of 100 asks for its members in two requests', async () => {
    const alice = await newMlsDevice(server, named(ALICE));
    const names = Array.from({ length: 99 }, (_, i) => named(`member${i}@example.com`));
    const others: MlsTestDevice[] = [];
    // A few at a time: more would wait for each other longer than a request may take on a busy machine.
    while (others.length < names.length) {
      const next = names.slice(others.length, others.length + 8);
      others.push(...(await Promise.all(next.map((name) => newMlsDevice(server, name)))));
    }
    const last = others.at(-1) as (typeof others)[number];
    await beginGroup(alice);
    const packages = [];
    for (const one of others) packages.push(await publish(one));
    const context = { state: alice.group, cipherSuite: alice.suite };
    const asked = alice.requests.length;
    const extraProposals = packages.map(({ publicPackage }) => adding(publicPackage));
    const made = await alice.auth.commit(context, { extraProposals, ratchetTreeExtension: true });
    // One for the own name, which an owner asks for alone, and two for the 99 others.
    expect(alice.requests.slice(asked)).toEqual([PATHS.lookup, PATHS.lookupBatch, PATHS.lookupBatch]);
    const before = last.requests.length;
    await joinBy(last, made, packages.at(-1) as (typeof packages)[number]);
    expect(last.requests.slice(before)).toEqual([PATHS.lookup, PATHS.lookupBatch, PATHS.lookupBatch]);
    await expect(last.auth.roster(last.group)).resolves.toMatchObject({ departed: [], doubted: [], unchecked: [] });
    expect(last.requests).toHaveLength(before + 3);
  });

  it('adds members to a group that has some', async () => {
    const [alice, bob] = [await newMlsDevice(server, named(ALICE)), await newMlsDevice(server, named(BOB))];
    const carol = await newMlsDevice(server, named(CAROL));
    await groupOf(alice, bob);
    await addTo([bob, alice], carol);
    await expect(says(carol, alice, 'hello')).resolves.toBe('hello');
  });
});
