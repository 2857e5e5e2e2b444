import type { RatchetTree } from 'ts-mls';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { type GroupLeaves, isSameClaim, leavesOf } from './group-leaves.ts';
import type { MemberClaim, ReadCredential } from './member-credential.ts';

/** The part of a group's state that a commit changes: of `ClientState` of ts-mls. */
export interface GroupTree {
  readonly ratchetTree: RatchetTree;
}

/** The part of a proposal that says which leaf it is about. */
export interface ProposalSeen {
  readonly proposal: { readonly proposalType: string | number; readonly remove?: { readonly removed: number } };
}

/** A commit as ts-mls shows it to the callback of `processMessage`. */
export interface CommitSeen {
  /** Undefined for an external commit, by which its sender joins (RFC 9420 §12.4.3.2). */
  readonly senderLeafIndex: number | undefined;
  readonly proposals: readonly ProposalSeen[];
}

/** A device in a group: one leaf. A name has as many as it has devices there. */
export interface GroupDevice {
  readonly leafIndex: number;
  /** Canonical. */
  readonly identity: string;
  /** Serial number of its certificate, lower-case hex. */
  readonly serial: string;
}

/** A device that left. Without identity and serial if its credential was none that is accepted. */
export interface RemovedDevice extends Partial<Pick<GroupDevice, 'identity' | 'serial'>> {
  readonly leafIndex: number;
}

/** A device whose certificate a commit replaced by another one of the same name. */
export interface ReplacedDevice extends GroupDevice {
  /** Serial number of the certificate before, lower-case hex. */
  readonly previousSerial: string;
}

/** The devices that a commit changed. */
export interface CommitReport {
  /** The device that made the commit, as it is afterwards. */
  readonly committer: GroupDevice;
  /** True if the committer joined by this commit. It is among the added ones, too. */
  readonly isExternal: boolean;
  readonly added: readonly GroupDevice[];
  readonly removed: readonly RemovedDevice[];
  readonly replaced: readonly ReplacedDevice[];
}

/** Reads a credential, and throws `bad-certificate`. */
export type ReadClaim = (claim: MemberClaim) => Promise<ReadCredential>;

/**
 * Checks a commit before its state is used (RFC 9420 §5.3.1): a credential that replaces another has the same name, and
 * a device that joins by an external commit removes only devices of its own name. The hook of ts-mls sees neither: it
 * gets no expected identity. The credentials themselves must have been judged. Throws `bad-certificate`.
 */
export async function checkCommit(
  read: ReadClaim,
  before: GroupTree,
  after: GroupTree,
  commit: CommitSeen,
): Promise<CommitReport> {
  const [old, now] = [leavesOf(before.ratchetTree), leavesOf(after.ratchetTree)];
  const gone = removedBy(commit);
  const added = await readDevices(read, now, (index) => !old.has(index) || gone.has(index));
  const removed: RemovedDevice[] = [];
  const replaced: ReplacedDevice[] = [];
  for (const [leafIndex, claim] of old) {
    const next = now.get(leafIndex);
    if (gone.has(leafIndex)) removed.push(await readRemoved(read, leafIndex, claim));
    else if (next === undefined) ensure(false, 'bad-certificate', `leaf ${leafIndex} is gone, and nobody removed it`);
    else if (!isSameClaim(claim, next)) replaced.push(await checkSuccessor(read, leafIndex, claim, next));
  }
  const isExternal = commit.senderLeafIndex === undefined;
  if (isExternal) assertOwnRemoved(added, removed);
  const committer = await committerOf(read, now, commit, added);
  return { committer, isExternal, added, removed, replaced };
}

function removedBy({ proposals }: CommitSeen): ReadonlySet<number> {
  return new Set(
    proposals.flatMap(({ proposal }) =>
      proposal.proposalType === 'remove' && proposal.remove !== undefined ? [proposal.remove.removed] : [],
    ),
  );
}

async function readDevices(
  read: ReadClaim,
  leaves: GroupLeaves,
  isWanted: (leafIndex: number) => boolean,
): Promise<readonly GroupDevice[]> {
  const devices: GroupDevice[] = [];
  for (const [leafIndex, claim] of leaves)
    if (isWanted(leafIndex)) devices.push(await readDevice(read, leafIndex, claim));
  return devices;
}

async function readDevice(read: ReadClaim, leafIndex: number, claim: MemberClaim): Promise<GroupDevice> {
  const { identity, serial } = await read(claim);
  return { leafIndex, identity, serial };
}

/** A device may have been in the group without a credential that this client accepts. It may leave all the same. */
async function readRemoved(read: ReadClaim, leafIndex: number, claim: MemberClaim): Promise<RemovedDevice> {
  return readDevice(read, leafIndex, claim).catch((error: unknown) => {
    if (!isGlasskeyError(error, 'bad-certificate')) throw error;
    return { leafIndex };
  });
}

/**
 * Checks that a leaf's next credential is a valid successor of the one before: the same identity (RFC 9420 §5.3.1).
 * Throws `bad-certificate`.
 */
export async function checkSuccessor(
  read: ReadClaim,
  leafIndex: number,
  claim: MemberClaim,
  next: MemberClaim,
): Promise<ReplacedDevice> {
  const { identity, serial: previousSerial } = await readDevice(read, leafIndex, claim);
  const successor = await readDevice(read, leafIndex, next);
  const isSuccessor = successor.identity === identity;
  ensure(
    isSuccessor,
    'bad-certificate',
    `the commit makes leaf ${leafIndex} of ${identity} one of ${successor.identity}`,
  );
  return { ...successor, previousSerial };
}

/** Throws unless those removed by an external commit have the name of the one who joins (RFC 9420 §12.4.3.2). */
function assertOwnRemoved(added: readonly GroupDevice[], removed: readonly RemovedDevice[]): void {
  const [joined, ...more] = added;
  ensure(
    joined !== undefined && more.length === 0,
    'bad-certificate',
    'an external commit adds one device, and no other',
  );
  for (const { identity = 'another member' } of removed) {
    ensure(identity === joined.identity, 'bad-certificate', `${joined.identity} joins and removes ${identity}`);
  }
}

async function committerOf(
  read: ReadClaim,
  leaves: GroupLeaves,
  { senderLeafIndex }: CommitSeen,
  added: readonly GroupDevice[],
): Promise<GroupDevice> {
  const claim = senderLeafIndex === undefined ? undefined : leaves.get(senderLeafIndex);
  if (senderLeafIndex !== undefined && claim !== undefined) return readDevice(read, senderLeafIndex, claim);
  const [joined] = added;
  ensure(senderLeafIndex === undefined && joined !== undefined, 'bad-certificate', 'the committer is no member');
  return joined;
}
