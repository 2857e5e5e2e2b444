import { resolve } from 'node:path';
import {
  acceptAll,
  type CiphersuiteImpl,
  type ClientState,
  createCommit,
  createGroup,
  defaultCapabilities,
  defaultLifetime,
  emptyPskIndex,
  generateKeyPackage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroup,
  processPrivateMessage,
} from 'ts-mls';
import { beforeAll, describe, expect, it } from 'vitest';
import { type GroupEpoch, SframeGroup } from '../../../src/client/calls/sframe-group.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';

const EXAMPLE = resolve(import.meta.dirname, '../../../examples/calls/group-epoch.mjs');
const FRAME = encodeUtf8('a frame');
const unknownKey = expect.objectContaining({ code: 'unknown-frame-key' });

/** A member of an MLS group with its media keys. */
interface Member {
  state: ClientState;
  readonly media: SframeGroup;
}

let suite: CiphersuiteImpl;
let epochOf: (state: ClientState, suite: CiphersuiteImpl) => GroupEpoch;
beforeAll(async () => {
  ({ epochOf } = (await import(EXAMPLE)) as { epochOf: typeof epochOf });
  suite = await getCiphersuiteImpl(getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'));
});

const packageOf = (name: string) => {
  const credential = { credentialType: 'basic', identity: encodeUtf8(name) } as const;
  return generateKeyPackage(credential, defaultCapabilities(), defaultLifetime, [], suite);
};

async function withMedia(state: ClientState): Promise<Member> {
  const media = new SframeGroup();
  await media.update(epochOf(state, suite));
  return { state, media };
}

/** Takes the next state of a member, and its media keys. */
async function advance(member: Member, state: ClientState): Promise<void> {
  member.state = state;
  await member.media.update(epochOf(state, suite));
}

async function founder(): Promise<Member> {
  const { publicPackage, privatePackage } = await packageOf('alice');
  return withMedia(await createGroup(encodeUtf8('call'), publicPackage, privatePackage, [], suite));
}

/** Adds a member by a commit of the first, which the others process. */
async function add([first, ...others]: readonly [Member, ...Member[]], name: string): Promise<Member> {
  const { publicPackage, privatePackage } = await packageOf(name);
  const proposal = { proposalType: 'add', add: { keyPackage: publicPackage } } as const;
  const commit = await createCommit({ state: first.state, cipherSuite: suite }, { extraProposals: [proposal] });
  await processed(first, others, commit);
  const { welcome, newState } = commit;
  if (welcome === undefined) throw new Error('a commit without a welcome');
  return withMedia(await joinGroup(welcome, publicPackage, privatePackage, emptyPskIndex, suite, newState.ratchetTree));
}

async function processed(
  first: Member,
  others: readonly Member[],
  { newState, commit }: Awaited<ReturnType<typeof createCommit>>,
): Promise<void> {
  for (const other of others) {
    if (commit.wireformat !== 'mls_private_message') throw new Error('a commit in clear');
    const result = await processPrivateMessage(other.state, commit.privateMessage, emptyPskIndex, suite, acceptAll);
    await advance(other, result.newState);
  }
  await advance(first, newState);
}

describe('media keys of a real MLS group', () => {
  it('follow its epochs: who joins reads from then on, and who is removed reads no more', async () => {
    const alice = await founder();
    const bob = await add([alice], 'bob');
    const early = await alice.media.sealer().encrypt(FRAME);
    const carol = await add([alice, bob], 'carol');
    await expect(carol.media.decrypt(early)).rejects.toThrow(unknownKey);
    await expect(bob.media.decrypt(early)).resolves.toMatchObject({ frame: FRAME, sender: 0, epoch: 1n });

    const fromCarol = await carol.media.sealer().encrypt(FRAME);
    for (const { media } of [alice, bob]) {
      await expect(media.decrypt(fromCarol)).resolves.toMatchObject({ frame: FRAME, sender: 2, epoch: 2n });
    }

    const remove = { proposalType: 'remove', remove: { removed: 1 } } as const;
    const commit = await createCommit({ state: alice.state, cipherSuite: suite }, { extraProposals: [remove] });
    await processed(alice, [carol], commit);
    const late = await alice.media.sealer().encrypt(FRAME);
    await expect(carol.media.decrypt(late)).resolves.toMatchObject({ sender: 0, epoch: 3n });
    await expect(bob.media.decrypt(late)).rejects.toThrow(unknownKey);
    // Whose index was freed is no member, though the others still have the bits for it.
    expect(epochOf(carol.state, suite).members).toEqual([0, 2]);
  });
});
