import { type CiphersuiteImpl, type ClientState, createProposal, type MLSMessage } from 'ts-mls';
import { ensure } from '../../core/errors.ts';
import type { GroupDevice } from './check-commit.ts';
import type { CredentialJudge } from './credential-judge.ts';
import { leavesOf } from './group-leaves.ts';
import type { AcceptedCredential, RefusedCredential } from './judgement.ts';

/** A device in a group whose certificate the log holds. */
export interface RosterMember extends GroupDevice, Pick<AcceptedCredential, 'version' | 'certificate'> {
  /** True for the leaf of this client. */
  readonly isSelf: boolean;
}

/** A device in a group that is refused. */
export interface RefusedMember extends Omit<RefusedCredential, 'type'> {
  readonly leafIndex: number;
  /** True for the leaf of this client. */
  readonly isSelf: boolean;
}

/** Everybody in a group at one epoch, by leaf index, ascending. */
export interface Roster {
  readonly epoch: bigint;
  readonly members: readonly RosterMember[];
  /** Devices whose certificate the log does not hold: revoked, rotated out, expired. Remove them. */
  readonly departed: readonly RefusedMember[];
  /** Devices of an identity with an open alert, or about which the log misbehaved. Ask the user. */
  readonly doubted: readonly RefusedMember[];
  /** Devices about which the log could not be asked. Try again. */
  readonly unchecked: readonly RefusedMember[];
}

/** Judges every leaf of a group. `recent` as in {@link CredentialJudge.judge}, whose errors it throws. */
export async function readRoster(
  judge: CredentialJudge,
  { ratchetTree, groupContext, privatePath }: ClientState,
  options: { readonly recent: boolean },
): Promise<Roster> {
  const leaves = [...leavesOf(ratchetTree)];
  const judged = await judge.judge(
    leaves.map(([, claim]) => claim),
    options,
  );
  const members: RosterMember[] = [];
  const refused = { departed: [] as RefusedMember[], doubted: [] as RefusedMember[], unchecked: [] as RefusedMember[] };
  for (const [i, one] of judged.entries()) {
    const [leafIndex] = leaves[i] as (typeof leaves)[number];
    const isSelf = leafIndex === privatePath.leafIndex;
    const { type, ...rest } = one;
    if (type !== 'accepted') refused[type].push({ leafIndex, isSelf, ...(rest as Omit<RefusedCredential, 'type'>) });
    else members.push({ leafIndex, isSelf, ...(rest as Omit<AcceptedCredential, 'type'>) });
  }
  return { epoch: groupContext.epoch, members, ...refused };
}

/** Messages to send, and the state after them. */
export interface ProposedRemovals {
  readonly messages: readonly MLSMessage[];
  readonly newState: ClientState;
  /** Used secrets: overwrite them with `zeroOutUint8Array` of ts-mls. */
  readonly consumed: readonly Uint8Array[];
}

/**
 * Proposes the removal of every departed device of a roster, but the client's own. A device whose removal is proposed
 * already gets no second one. Commit afterwards: the state sends no application message before. Throws `usage` for a
 * roster of another epoch, whose leaf indices may mean others.
 */
export async function proposeRemovals(
  state: ClientState,
  roster: Pick<Roster, 'epoch' | 'departed'>,
  cipherSuite: CiphersuiteImpl,
  { asPublicMessage = false }: { readonly asPublicMessage?: boolean | undefined } = {},
): Promise<ProposedRemovals> {
  ensure(roster.epoch === state.groupContext.epoch, 'usage', 'the roster is of another epoch: make it anew');
  const pending = new Set(
    Object.values(state.unappliedProposals).flatMap(({ proposal }) =>
      proposal.proposalType === 'remove' ? [proposal.remove.removed] : [],
    ),
  );
  const messages: MLSMessage[] = [];
  const consumed: Uint8Array[] = [];
  let newState = state;
  for (const { leafIndex: removed, isSelf } of roster.departed) {
    if (isSelf || pending.has(removed)) continue;
    const proposed = await createProposal(
      newState,
      asPublicMessage,
      { proposalType: 'remove', remove: { removed } },
      cipherSuite,
    );
    ({ newState } = proposed);
    messages.push(proposed.message);
    consumed.push(...proposed.consumed);
  }
  return { messages, newState, consumed };
}
