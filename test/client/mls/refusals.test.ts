import {
  createCommit,
  createGroup,
  createGroupInfoWithExternalPubAndRatchetTree,
  createProposal,
  type Credential,
  defaultKeyPackageEqualityConfig,
  defaultKeyRetentionConfig,
  defaultLifetimeConfig,
  defaultPaddingConfig,
  generateKeyPackageWithKey,
  joinGroupExternal,
  type MLSMessage,
} from 'ts-mls';
import { encodeLeafNodeTBS, type LeafNodeUpdate } from 'ts-mls/leafNode.js';
import { signWithLabel } from 'ts-mls/crypto/signature.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatPem } from '../../../src/ca/der/pem.ts';
import { generateKey } from '../../../src/client/client-key.ts';
import type { MlsEvent } from '../../../src/client/mls/credential-judge.ts';
import { deviceSuite, NO_PRIVATE_KEY } from '../../../src/client/mls/device-suite.ts';
import { credentialOf, makeKeyPackage, signatureKeyOf } from '../../../src/client/mls/key-package.ts';
import { MlsAuthentication } from '../../../src/client/mls/mls-authentication.ts';
import { createReplacement } from '../../../src/client/mls/replace-credential.ts';
import { proposeRemovals } from '../../../src/client/mls/roster.ts';
import { PATHS } from '../../../src/contract/paths.ts';
import type { Fetch } from '../../../src/core/net/bounded-fetch.ts';
import { LyingOperator, refusal } from '../../support/lying-operator.ts';
import {
  adding,
  bareSuite,
  beginGroup,
  groupOf,
  type MlsTestDevice,
  newMlsDevice,
  publish,
  receive,
  removing,
  says,
  take,
} from '../../support/mls-devices.ts';
import type { TestServer } from '../../support/test-server.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

let operator: LyingOperator;
let server: TestServer;
let count = 0;
beforeAll(async () => {
  // ts-mls judges lifetimes by the clock of the machine.
  operator = await LyingOperator.start({ startMs: Date.now() });
  ({ server } = operator);
});
afterAll(() => operator.stop());

/** A device with a name of its own for each test. */
const device = (name: string): Promise<MlsTestDevice> => newMlsDevice(server, `r${++count}-${name}@example.com`);

/** A KeyPackage with any credential, signed by a key that somebody made just now. */
async function forged(credential: Credential) {
  const key = await generateKey({ type: 'ed25519' });
  const suite = deviceSuite(await bareSuite(), key);
  const capabilities = {
    versions: ['mls10' as const],
    ciphersuites: [suite.name],
    extensions: [],
    proposals: [],
    credentials: ['basic' as const, 'x509' as const],
  };
  const lifetime = { notBefore: 0n, notAfter: 2n ** 40n };
  const signatureKeyPair = { signKey: NO_PRIVATE_KEY, publicKey: key.spki.slice(-32) };
  return {
    suite,
    ...(await generateKeyPackageWithKey(credential, capabilities, lifetime, [], signatureKeyPair, suite)),
  };
}

/** Begins a group in which basic credentials are no error of ts-mls. */
async function beginLax(one: MlsTestDevice): Promise<void> {
  const made = await makeKeyPackage(one, one.suite, { capabilities: { credentials: ['basic', 'x509'] } });
  const id = Uint8Array.of(1);
  one.group = await createGroup(id, made.publicPackage, made.privatePackage, [], one.suite, one.auth.clientConfig());
}

/** Tries to add a KeyPackage, by the checked commit. */
const add = (one: MlsTestDevice, { publicPackage }: Pick<Awaited<ReturnType<typeof forged>>, 'publicPackage'>) =>
  one.auth.commit({ state: one.group, cipherSuite: one.suite }, { extraProposals: [adding(publicPackage)] });

const BASIC: Credential = { credentialType: 'basic', identity: new TextEncoder().encode('bob@example.com') };

describe('a KeyPackage is refused', () => {
  it('with a basic credential', async () => {
    const alice = await device('alice');
    await beginLax(alice);
    await expect(add(alice, await forged(BASIC))).rejects.toThrow(code('bad-certificate'));
    expect(alice.events).toMatchObject([{ type: 'refused', refusal: { type: 'departed', identity: undefined } }]);
    await beginGroup(alice);
    await expect(add(alice, await forged(BASIC))).rejects.toThrow('not supported');
  });

  it("with another's certificate", async () => {
    const [alice, bob] = [await device('alice'), await device('bob')];
    await beginGroup(alice);
    const before = alice.requests.length;
    await expect(add(alice, await forged(credentialOf(bob.issued)))).rejects.toThrow(code('bad-certificate'));
    // The own name alone: nothing is asked about a certificate that cannot be the key's.
    expect(alice.requests.slice(before)).toEqual([PATHS.lookup]);
  });

  it('with a certificate of the true authority that is in no record', async () => {
    const [alice, bob, mallory] = [await device('alice'), await device('bob'), await device('mallory')];
    await beginGroup(alice);
    const der = await operator.certify(bob.name, mallory.key.spki);
    mallory.issued = { ...mallory.issued, certificate: formatPem('CERTIFICATE', der) };
    await expect(add(alice, await publish(mallory))).rejects.toThrow(code('certificate-not-in-record'));
    const nobody = await operator.certify(`nobody${bob.name}`, mallory.key.spki);
    mallory.issued = { ...mallory.issued, certificate: formatPem('CERTIFICATE', nobody) };
    await expect(add(alice, await publish(mallory))).rejects.toThrow(code('certificate-not-in-record'));
  });

  it('with a key that the operator swapped, until the user has acknowledged it', async () => {
    const [alice, bob, mallory] = [await device('alice'), await device('bob'), await device('mallory')];
    await beginGroup(alice);
    const der = await operator.certify(bob.name, mallory.key.spki);
    const authorization = { type: 'operator' as const, reason: 'trust me' };
    await operator.appendRecord(bob.name, { certificates: [der], authorization });
    mallory.issued = { ...mallory.issued, certificate: formatPem('CERTIFICATE', der) };
    const forgery = await publish(mallory);
    await expect(add(alice, forgery)).rejects.toThrow(code('bad-chain'));
    expect(alice.auth.lastRefusal).toMatchObject({ type: 'doubted', identity: bob.name });
    expect(alice.events).toContainEqual(
      expect.objectContaining({
        type: 'keys-changed',
        binding: expect.objectContaining({ identity: bob.name }) as object,
      }),
    );
    await alice.directory.acknowledge([bob.name]);
    await expect(add(alice, forgery)).resolves.toMatchObject({ report: { added: [{ identity: bob.name }] } });
  });

  it('or accepts it with a word, where the log shows nobody what came before', async () => {
    const bob = await device('bob');
    const key = await generateKey({ type: 'ed25519' });
    const der = await operator.certify(bob.name, key.spki);
    const authorization = { type: 'operator' as const, reason: 'trust me' };
    await operator.appendRecord(bob.name, { certificates: [der], authorization });
    const hiding: Fetch = (url, init) => (url.endsWith(PATHS.chain) ? refusal('erased')() : fetch(url, init));
    const events: MlsEvent[] = [];
    const auth = new MlsAuthentication(await operator.client({ fetch: hiding }), {
      onEvent: (one) => events.push(one),
    });
    const issued = { ...bob.issued, certificate: formatPem('CERTIFICATE', der) };
    const { leafNode } = (await publish({ ...bob, key, issued })).publicPackage;
    await auth.assertMember(leafNode.credential, leafNode.signaturePublicKey);
    const unjudged = { last: 1, why: 'not-shown' };
    expect(events).toMatchObject([
      { type: 'keys-changed', binding: { identity: bob.name, change: { firstLook: { unjudged } } } },
    ]);
  });

  it('with a certificate that was revoked, or rotated out', async () => {
    const [alice, bob, carol] = [await device('alice'), await device('bob'), await device('carol')];
    await beginGroup(alice);
    const ofBob = await publish(bob);
    const ofCarol = await publish(carol);
    await alice.auth.prefetch({ claims: [ofBob, ofCarol].map(claimOf) });
    await bob.directory.revoke(bob.name, bob.key);
    await carol.directory.rotate(carol.name, carol.key, await generateKey({ type: 'ed25519' }));
    await expect(add(alice, ofBob)).rejects.toThrow(code('certificate-not-in-record'));
    await expect(add(alice, ofCarol)).rejects.toThrow(code('certificate-not-in-record'));
    expect(alice.group.groupContext.epoch).toBe(0n);
  });

  it('while the log cannot be asked, by the hook too, which keeps the reason', async () => {
    const [alice, bob] = [await device('alice'), await device('bob')];
    await beginGroup(alice);
    const ofBob = await publish(bob);
    const { credential, signaturePublicKey } = ofBob.publicPackage.leafNode;
    alice.network.isDown = true;
    await expect(add(alice, ofBob)).rejects.toThrow(code('network-failed'));
    await expect(alice.auth.service.validateCredential(credential, signaturePublicKey)).resolves.toBe(false);
    expect(alice.auth.lastRefusal).toMatchObject({ type: 'unchecked', identity: bob.name });
    expect(alice.auth.lastRefusal?.error).toMatchObject({ code: 'network-failed' });
    await expect(alice.auth.roster(alice.group)).resolves.toMatchObject({
      unchecked: [{ isSelf: true }],
      departed: [],
    });
    alice.network.isDown = false;
    await expect(add(alice, ofBob)).resolves.toMatchObject({ report: { added: [{ identity: bob.name }] } });
  });
});

const claimOf = ({ publicPackage: { leafNode } }: Awaited<ReturnType<typeof publish>>) => ({
  credential: leafNode.credential,
  signatureKey: leafNode.signaturePublicKey,
});

describe('a member', () => {
  it('whose certificate is revoked is found, reported and removed', async () => {
    const [alice, bob, carol] = [await device('alice'), await device('bob'), await device('carol')];
    await groupOf(alice, bob, carol);
    await expect(alice.auth.recheck(alice.group)).resolves.toMatchObject({ members: [{}, {}, {}], departed: [] });
    await bob.directory.revoke(bob.name, bob.key);
    const roster = await alice.auth.recheck(alice.group);
    expect(roster).toMatchObject({
      members: [{ identity: alice.name }, { identity: carol.name }],
      departed: [{ leafIndex: 1, identity: bob.name, isSelf: false, error: { code: 'certificate-not-in-record' } }],
    });
    expect(alice.events).toContainEqual(
      expect.objectContaining({ refusal: expect.objectContaining({ type: 'departed', identity: bob.name }) as object }),
    );
    const { messages, newState } = await proposeRemovals(alice.group, roster, alice.suite);
    alice.group = newState;
    expect(messages).toHaveLength(1);
    carol.group = (await receive(carol, messages[0] as MLSMessage)).newState;
    // A second round proposes nothing twice, since such a commit would be invalid.
    await expect(proposeRemovals(alice.group, roster, alice.suite)).resolves.toMatchObject({ messages: [] });
    const made = await carol.auth.commit({ state: carol.group, cipherSuite: carol.suite });
    carol.group = made.newState;
    const [seen] = await take([alice], made);
    expect(seen).toMatchObject({ removed: [{ leafIndex: 1, identity: bob.name }] });
    await expect(says(alice, carol, 'without bob')).resolves.toBe('without bob');
    await expect(proposeRemovals(alice.group, roster, alice.suite)).rejects.toThrow(code('usage'));
  });

  it('is told of its own revocation, and proposes no removal of itself', async () => {
    const [alice, bob] = [await device('alice'), await device('bob')];
    await groupOf(alice, bob);
    await bob.directory.revoke(bob.name, bob.key);
    const roster = await bob.auth.recheck(bob.group);
    expect(roster).toMatchObject({ departed: [{ isSelf: true, identity: bob.name }] });
    await expect(proposeRemovals(bob.group, roster, bob.suite)).resolves.toMatchObject({ messages: [] });
  });

  it('of the own name, with a version that its owner did not make, is doubted until the owner acknowledges it', async () => {
    const [alice, bob] = [await device('alice'), await device('bob')];
    await groupOf(alice, bob);
    const thief = await operator.client();
    await thief.register(bob.name, { credentials: bob.key, key: await generateKey({ type: 'ed25519' }) });
    await expect(bob.auth.recheck(bob.group)).resolves.toMatchObject({
      members: [{ identity: alice.name }],
      doubted: [{ isSelf: true, identity: bob.name, error: { code: 'unexpected-version' } }],
      departed: [],
    });
    // To others it is a change by a key of the name.
    await expect(alice.auth.recheck(alice.group)).resolves.toMatchObject({ members: [{}, { version: 1 }] });
    await bob.directory.acknowledge([bob.name]);
    await expect(bob.auth.recheck(bob.group)).resolves.toMatchObject({ members: [{}, {}], doubted: [] });
  });

  it('whose certificate is revoked can commit no more, with an update path or without', async () => {
    const [alice, bob, carol] = [await device('alice'), await device('bob'), await device('carol')];
    await groupOf(alice, bob);
    await bob.directory.revoke(bob.name, bob.key);
    const cipherSuite = bob.suite;
    for (const extraProposals of [[], [adding((await publish(carol)).publicPackage)]]) {
      const { commit } = await createCommit({ state: bob.group, cipherSuite }, { extraProposals });
      await expect(receive(alice, commit)).rejects.toThrow(code('certificate-not-in-record'));
    }
    const unchecked = await createProposal(bob.group, false, removing(0), cipherSuite);
    await expect(receive(alice, unchecked.message)).rejects.toThrow(code('certificate-not-in-record'));
    await expect(bob.auth.commit({ state: bob.group, cipherSuite })).rejects.toThrow(code('certificate-not-in-record'));
  });

  it('cannot make its leaf one of another name, and the state before stays usable', async () => {
    const [alice, bob, dave] = [await device('alice'), await device('bob'), await device('dave')];
    await groupOf(alice, bob);
    const { group: state, suite: cipherSuite, key: before } = bob;
    const { commit } = await createReplacement({ state, cipherSuite, before, next: dave });
    await expect(receive(alice, commit)).rejects.toThrow(code('bad-certificate'));
    await expect(bob.auth.replace({ state, cipherSuite, before, next: dave })).rejects.toThrow(code('bad-certificate'));
    await expect(says(alice, bob, 'still here')).resolves.toBe('still here');
    const honest = await bob.auth.commit({ state: bob.group, cipherSuite });
    await expect(take([alice], honest)).resolves.toMatchObject([{ committer: { identity: bob.name }, replaced: [] }]);
  });

  it.each([false, true])('can propose its own update (%s), and not one for another name', async (honest) => {
    const [alice, bob, dave] = [await device('alice'), await device('bob'), await device('dave')];
    await groupOf(alice, bob);
    const next = honest ? bob : dave;
    const node = bob.group.ratchetTree[2];
    if (node?.nodeType !== 'leaf') throw new Error('no leaf');
    const { hpke, signature } = next.suite;
    const data = {
      hpkePublicKey: await hpke.exportPublicKey((await hpke.generateKeyPair()).publicKey),
      signaturePublicKey: signatureKeyOf(next),
      credential: credentialOf(next.issued),
      capabilities: node.leaf.capabilities,
      leafNodeSource: 'update' as const,
      extensions: [],
    };
    const tbs = encodeLeafNodeTBS({ ...data, groupId: bob.group.groupContext.groupId, leafIndex: 1 });
    const signed = await signWithLabel(NO_PRIVATE_KEY, 'LeafNodeTBS', tbs, signature);
    const leafNode: LeafNodeUpdate = { ...data, signature: signed };
    const { message } = await createProposal(
      bob.group,
      false,
      { proposalType: 'update', update: { leafNode } },
      bob.suite,
    );
    const received = receive(alice, message);
    if (!honest) return expect(received).rejects.toThrow(code('bad-certificate'));
    alice.group = (await received).newState;
    const made = await alice.auth.commit({ state: alice.group, cipherSuite: alice.suite });
    expect(made.report).toMatchObject({ committer: { identity: alice.name }, added: [], removed: [] });
    // By the functions of ts-mls alone, the hook accepts a certified key of whatever name.
    return expect(alice.auth.service.validateCredential(data.credential, data.signaturePublicKey)).resolves.toBe(true);
  });
});

describe('a join from outside', () => {
  /** Joins without any check, as an attacker does, and says what the group hears. */
  async function intrude(
    target: MlsTestDevice,
    own: Pick<Awaited<ReturnType<typeof forged>>, 'publicPackage' | 'privatePackage'> & Pick<MlsTestDevice, 'suite'>,
    resync?: { readonly of: Uint8Array },
  ): Promise<MLSMessage> {
    const groupInfo = await createGroupInfoWithExternalPubAndRatchetTree(target.group, [], target.suite);
    const config = {
      keyRetentionConfig: defaultKeyRetentionConfig,
      lifetimeConfig: defaultLifetimeConfig,
      paddingConfig: defaultPaddingConfig,
      keyPackageEqualityConfig: {
        ...defaultKeyPackageEqualityConfig,
        compareKeyPackageToLeafNode: (_: unknown, leaf: { signaturePublicKey: Uint8Array }) =>
          Buffer.compare(leaf.signaturePublicKey, resync?.of ?? new Uint8Array()) === 0,
      },
      authService: { validateCredential: () => Promise.resolve(true) },
    };
    const { publicPackage, privatePackage, suite } = own;
    const isResync = resync !== undefined;
    const { publicMessage } = await joinGroupExternal(
      groupInfo,
      publicPackage,
      privatePackage,
      isResync,
      suite,
      undefined,
      config,
    );
    return { version: 'mls10', wireformat: 'mls_public_message', publicMessage };
  }

  it('by a stranger is refused', async () => {
    const [alice, bob] = [await device('alice'), await device('bob')];
    await beginLax(alice);
    await expect(receive(alice, await intrude(alice, await forged(BASIC)))).rejects.toThrow(code('bad-certificate'));
    const stolen = await forged(credentialOf(bob.issued));
    await expect(receive(alice, await intrude(alice, stolen))).rejects.toThrow(code('bad-certificate'));
    expect(alice.group.groupContext.epoch).toBe(0n);
  });

  it('by a certified device cannot push somebody else out, and can replace a device of its name', async () => {
    const [alice, bob, mallory] = [await device('alice'), await device('bob'), await device('mallory')];
    await groupOf(alice, bob);
    const victim = { of: signatureKeyOf(bob) };
    const attack = await intrude(alice, { ...(await publish(mallory)), suite: mallory.suite }, victim);
    await expect(receive(alice, attack)).rejects.toThrow(code('bad-certificate'));
    const tablet = await newMlsDevice(server, bob.name, { by: bob });
    const commit = await intrude(alice, { ...(await publish(tablet)), suite: tablet.suite }, victim);
    await expect(take([alice], { commit })).resolves.toMatchObject([
      { isExternal: true, added: [{ identity: bob.name }], removed: [{ leafIndex: 1, identity: bob.name }] },
    ]);
  });

  it('finds the members out before it joins', async () => {
    const [alice, bob, carol] = [await device('alice'), await device('bob'), await device('carol')];
    await groupOf(alice, bob);
    await bob.directory.revoke(bob.name, bob.key);
    const groupInfo = await createGroupInfoWithExternalPubAndRatchetTree(alice.group, [], alice.suite);
    const joining = { ...(await publish(carol)), groupInfo, cipherSuite: carol.suite };
    await expect(carol.auth.joinExternal(joining)).rejects.toThrow(code('certificate-not-in-record'));
    await carol.directory.revoke(carol.name, carol.key);
    await beginGroup(alice);
    const other = await createGroupInfoWithExternalPubAndRatchetTree(alice.group, [], alice.suite);
    await expect(carol.auth.joinExternal({ ...joining, groupInfo: other })).rejects.toThrow(
      code('certificate-not-in-record'),
    );
  });
});
