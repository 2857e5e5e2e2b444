import { commit } from '../../../src/core/crypto/commitment.ts';
import { chainInput, nextVersion, signedChange } from './chain-cases.ts';
import { type History, type MadeVersion, versionOf } from './history.ts';
import { LABEL, spkiHash } from './keys.ts';
import { type OwnCase, type OwnFile, refused, withFlippedBit } from './own-file.ts';
import { vetoes } from './vetoes.ts';

type Link = MadeVersion | undefined;
type Versions = readonly [MadeVersion, ...MadeVersion[]];

function closes(name: string, held: Link, versions: Versions, verdict: string, links: readonly string[]): OwnCase {
  const latest = versions.at(-1) as MadeVersion;
  return { name, input: chainInput(held, versions.slice(0, -1), latest), expect: { verdict, links, fault: null } };
}

function unexplained(name: string, held: Link, versions: readonly [...Link[], MadeVersion], fault: string): OwnCase {
  const latest = versions.at(-1) as MadeVersion;
  return { name, input: chainInput(held, versions.slice(0, -1), latest), expect: { verdict: 'unexplained', fault } };
}

/** Chains of versions, and what a contact is told of them. */
export async function makeRecordChains(history: History): Promise<OwnFile> {
  return {
    primitive: 'record-chain',
    notes: [
      'input.held: the version that the contact holds, or null; input.between: what the log gives of the versions',
      'between, null where it gives nothing; input.latest: the version that a verified search found, with',
      'input.commitment from its proof. Each version has an opening and an encoded record, hex.',
      'expect.verdict: what the contact is told; expect.links: who made each new version; expect.fault: why the chain',
      'does not close. expect.code: the answer is refused, and the contact keeps what it held. Where there are vetoes and',
      'recoveries, input.earlier: the versions from 0 to the one before held, as the log gives them, and input.waited:',
      'whether the log confirms that the recovery waited (see standing.json).',
    ],
    cases: [
      ...closing(history),
      ...(await laundered(history)),
      ...(await broken(history)),
      ...lost(history),
      ...(await vetoes(history)),
    ],
  };
}

function closing({ versions }: History): readonly OwnCase[] {
  const [v0, v1, v2, v3, v4, v5, v6, v7, v8] = versions as MadeVersion[] as [
    MadeVersion,
    MadeVersion,
    MadeVersion,
    MadeVersion,
    MadeVersion,
    MadeVersion,
    MadeVersion,
    MadeVersion,
    MadeVersion,
  ];
  return [
    closes('version 0, seen for the first time', undefined, [v0], 'first-seen', ['initial']),
    closes('a later version, seen for the first time', undefined, [v3], 'first-seen', []),
    closes('the version that was held', v1, [v1], 'unchanged', []),
    closes('a key was added by a key', v0, [v1], 'key', ['key']),
    closes('a certificate was revoked', v1, [v2], 'maintenance', ['maintenance']),
    closes('a key was added, then another revoked', v0, [v1, v2], 'maintenance', ['key', 'maintenance']),
    closes('renewal and expiry', v2, [v3, v4], 'maintenance', ['maintenance', 'maintenance']),
    closes('a recovery was requested', v4, [v5], 'recovery', ['recovery']),
    closes('a recovery came into effect, its delay not checked', v5, [v6], 'operator', ['operator']),
    closes('an operator added a key', v6, [v7], 'operator', ['operator']),
    closes('an identity was erased', v7, [v8], 'maintenance', ['maintenance']),
    closes('everything, from the first version on', v0, [v1, v2, v3, v4, v5, v6, v7, v8], 'operator', [
      'key',
      'maintenance',
      'maintenance',
      'maintenance',
      'recovery',
      'operator',
      'operator',
      'maintenance',
    ]),
  ];
}

/** A key that an operator put there signs the next change: the last link alone is right. */
async function laundered({ certificates, versions }: History): Promise<readonly OwnCase[]> {
  const v0 = versions[0] as MadeVersion;
  const false1 = nextVersion(v0, [certificates.mallory], { type: 'operator', reason: 'migration' });
  const after = await signedChange(false1, 'mallory', ['mallory', 'tablet']);
  const false2 = nextVersion(false1, [certificates.mallory, certificates.tablet], after);
  const empty = nextVersion(v0, [], { type: 'maintenance', kind: 'erasure' });
  const revived = nextVersion(empty, [certificates.phone], { type: 'operator', reason: 'asked for in person' });
  return [
    closes('a key by an operator, then a change by that key', v0, [false1, false2], 'operator', ['operator', 'key']),
    closes('an operator after an empty record', v0, [empty, revived], 'operator', ['maintenance', 'operator']),
    unexplained('the version by the operator is left out', v0, [undefined, false2], 'bad-chain'),
  ];
}

async function broken({ certificates, renewed, versions }: History): Promise<readonly OwnCase[]> {
  const [v0, v1, v2] = versions as MadeVersion[] as [MadeVersion, MadeVersion, MadeVersion];
  const { phone, laptop, mallory } = certificates;
  const both = await signedChange(v0, 'phone', ['phone', 'laptop']);
  const stranger = await signedChange(v0, 'mallory', ['mallory']);
  const renewal = { type: 'maintenance', kind: 'renewal' } as const;
  const revocation = { type: 'maintenance', kind: 'revocation', reason: 0 } as const;
  const pending = { spkiSha256: spkiHash('mallory'), evidence: { type: 'email' } } as const;
  const requested = { type: 'recovery', phase: 'requested' } as const;
  const effective = {
    type: 'recovery',
    phase: 'effective',
    pendingVersion: 0,
    firstPosition: 3,
    lastPosition: 9,
  } as const;
  const empty = nextVersion(v0, [], { type: 'maintenance', kind: 'erasure' });
  const other = { ...v1, opening: withFlippedBit(v1.opening, 0) };
  return [
    unexplained('a version between is missing', v0, [undefined, v2], 'bad-chain'),
    unexplained('a version between opens another commitment', v0, [other, v2], 'bad-chain'),
    unexplained(
      'another predecessor',
      v0,
      [nextVersion(v0, [laptop], revocation, { previousCommitment: new Uint8Array(32) })],
      'bad-chain',
    ),
    unexplained('a signature over other keys', v0, [nextVersion(v0, [phone, mallory], both)], 'bad-change-signature'),
    unexplained(
      'a signature by a key that was not there',
      v0,
      [nextVersion(v0, [mallory], stranger)],
      'bad-change-signature',
    ),
    unexplained('maintenance that adds a key', v0, [nextVersion(v0, [phone, mallory], renewal)], 'bad-chain'),
    unexplained('a revocation that removes nothing', v0, [nextVersion(v0, [phone], revocation)], 'bad-record'),
    unexplained('a renewal that brings nothing', v0, [nextVersion(v0, [phone], renewal)], 'bad-record'),
    unexplained(
      'an erasure that leaves something',
      v0,
      [nextVersion(v0, [phone], { type: 'maintenance', kind: 'erasure' })],
      'bad-record',
    ),
    unexplained('a certificate twice', v0, [nextVersion(v0, [phone, phone], renewal)], 'bad-record'),
    unexplained(
      'certificates that stay are not first',
      v2,
      [nextVersion(v2, [renewed, laptop], renewal)],
      'bad-record',
    ),
    unexplained(
      'initial again',
      v0,
      [nextVersion(v0, [phone], { type: 'initial', evidence: { type: 'email' } })],
      'bad-record',
    ),
    unexplained(
      'maintenance with a new pending recovery',
      v0,
      [nextVersion(v0, [], revocation, { pending })],
      'bad-record',
    ),
    unexplained(
      'a change by a key that leaves something pending',
      v0,
      [nextVersion(v0, [phone, laptop], both, { pending })],
      'bad-record',
    ),
    unexplained('a recovery that is requested for nothing', v0, [nextVersion(v0, [phone], requested)], 'bad-record'),
    unexplained(
      'a requested recovery that removes a key',
      v0,
      [nextVersion(v0, [], requested, { pending })],
      'bad-chain',
    ),
    unexplained(
      'a recovery in effect that was never pending',
      v0,
      [nextVersion(v0, [mallory], effective)],
      'bad-chain',
    ),
    unexplained('a renewal after an empty record', v0, [empty, nextVersion(empty, [phone], renewal)], 'bad-chain'),
    unexplained(
      'a certificate that is none',
      v0,
      [nextVersion(v0, [phone, Uint8Array.of(0x30, 0)], renewal)],
      'bad-record',
    ),
    unexplained(
      'version 0 with a predecessor',
      undefined,
      [versionOf(0, { ...v0.record, previousCommitment: v1.commitment })],
      'bad-chain',
    ),
    unexplained(
      'version 0 by maintenance',
      undefined,
      [versionOf(0, { ...v0.record, authorization: renewal })],
      'bad-record',
    ),
    unexplained(
      'version 0 without a certificate',
      undefined,
      [versionOf(0, { ...v0.record, certificates: [] })],
      'bad-record',
    ),
  ];
}

function lost({ versions }: History): readonly OwnCase[] {
  const [v0, v1] = versions as MadeVersion[] as [MadeVersion, MadeVersion];
  const again = versionOf(1, { ...v1.record, certificates: v0.record.certificates });
  const value = v1.value.slice(0, -1);
  const update = { value, signature: undefined };
  const commitment = commit({ opening: v1.opening, label: LABEL, version: 1, update });
  return [
    refused('an older version than the one that is held', chainInput(v1, [], v0), 'bad-chain'),
    refused('another value for the version that is held', chainInput(v1, [], again), 'bad-chain'),
    refused('an opening of another version', chainInput(v0, [], { ...v1, opening: v0.opening }), 'bad-commitment'),
    refused(
      'a value that is changed',
      chainInput(v0, [], { ...v1, value: withFlippedBit(v1.value, 60) }),
      'bad-commitment',
    ),
    refused('a value that is no record', chainInput(v0, [], { ...v1, value, commitment }), 'bad-record'),
  ];
}
