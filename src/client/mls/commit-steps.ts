import {
  acceptAll,
  type CiphersuiteImpl,
  type ClientState,
  createCommit,
  type CreateCommitOptions,
  type CreateCommitResult,
  emptyPskIndex,
  type IncomingMessageCallback,
  type LeafNode,
  type MlsPrivateMessage,
  type MlsPublicMessage,
  type MLSContext,
  processMessage,
  type ProcessMessageResult,
  type Proposal,
  type ProposalWithSender,
  type PskIndex,
} from 'ts-mls';
import { checkSuccessor, type CommitReport } from './check-commit.ts';
import { CollectedClaims } from './collected-claims.ts';
import { leavesOf } from './group-leaves.ts';
import type { MemberClaim } from './member-credential.ts';
import { type GroupSender, senderOf, VerifyingKeys } from './message-sender.ts';
import { createReplacement, type Replacement } from './replace-credential.ts';
import type { StepGuard } from './step-guard.ts';

/** The input of the processing of a message, beside the state. */
export interface Processing {
  readonly cipherSuite: CiphersuiteImpl;
  readonly pskIndex?: PskIndex | undefined;
  /** Accepts or rejects commits and proposals. Default: accepts. */
  readonly callback?: IncomingMessageCallback | undefined;
}

/** A step that may have been a commit. */
export interface Reported {
  /** The devices that the commit changed. Undefined if the message was no commit, or was rejected. */
  readonly report: CommitReport | undefined;
}

/** A message that was processed. */
export type Processed = ProcessMessageResult &
  Reported & {
    /** The device that sent an application message. Undefined for a proposal or a commit. */
    readonly sender: GroupSender | undefined;
  };

/** A commit or proposal that ts-mls shows to a callback. */
type Seen = Parameters<IncomingMessageCallback>[0];

/** Processes a message, and returns the new state once its credentials and successors are accepted. */
export async function processChecked(
  guard: StepGuard,
  message: MlsPrivateMessage | MlsPublicMessage,
  state: ClientState,
  { cipherSuite, pskIndex = emptyPskIndex, callback = acceptAll }: Processing,
): Promise<Processed> {
  const collected = new CollectedClaims();
  let seen: Seen | undefined;
  const note: IncomingMessageCallback = (incoming) => {
    const action = callback(incoming);
    if (action === 'accept') seen = incoming;
    return action;
  };
  const keys = new VerifyingKeys();
  const result = await processMessage(message, collecting(state, collected), pskIndex, note, keys.of(cipherSuite));
  const isApplication = result.kind === 'applicationMessage';
  const sender = isApplication ? await senderOf(guard.judge, message, state, keys.only) : undefined;
  const claims = [...collected.claims, ...(seen === undefined ? [] : furtherClaims(seen, state, result.newState))];
  await guard.accept(claims);
  if (seen?.kind === 'proposal') await checkProposal(guard, state, seen.proposal);
  const report = seen?.kind === 'commit' ? await guard.checkCommit(state, result.newState, seen) : undefined;
  return { ...result, newState: guard.guarded(result.newState), report, sender };
}

/** Makes a commit, and returns it once this device and everybody whom it adds are accepted. */
export async function commitChecked(
  guard: StepGuard,
  context: MLSContext,
  options: CreateCommitOptions,
): Promise<CreateCommitResult & Reported> {
  const { state } = context;
  const collected = new CollectedClaims();
  const result = await createCommit({ ...context, state: collecting(state, collected) }, options);
  // A commit without an update path has no leaf of its sender, and others judge that too.
  await guard.accept([...collected.claims, ...claimAt(state, state.privatePath.leafIndex)]);
  const more = (options.extraProposals ?? []).map((proposal) => ({ proposal }));
  const proposals = [...Object.values(state.unappliedProposals), ...more];
  const { leafIndex: senderLeafIndex } = state.privatePath;
  const report = await guard.checkCommit(state, result.newState, { senderLeafIndex, proposals });
  return { ...result, newState: guard.guarded(result.newState), report };
}

/** Commits a new certificate of this device, and returns the commit once the certificate is accepted. */
export async function replaceChecked(
  guard: StepGuard,
  replacement: Replacement,
): Promise<CreateCommitResult & Reported> {
  const { state } = replacement;
  const result = await createReplacement(replacement);
  const { leafIndex: senderLeafIndex } = state.privatePath;
  await guard.accept(claimAt(result.newState, senderLeafIndex));
  const report = await guard.checkCommit(state, result.newState, { senderLeafIndex, proposals: [] });
  return { ...result, newState: guard.guarded(result.newState), report };
}

function collecting(state: ClientState, collected: CollectedClaims): ClientState {
  return { ...state, clientConfig: collected.config(state.clientConfig) };
}

/**
 * Returns the claims that ts-mls does not ask about: the sender's, whose commit may have no leaf, and those of a
 * proposal. ts-mls asks about a proposal when it is committed. By then it is in the state, and no commit works without.
 */
function furtherClaims(seen: Seen, before: ClientState, after: ClientState): readonly MemberClaim[] {
  if (seen.kind === 'commit') return claimAt(after, seen.senderLeafIndex);
  const { proposal, senderLeafIndex } = seen.proposal;
  return [...claimAt(before, senderLeafIndex), ...proposedClaim(proposal)];
}

function claimAt({ ratchetTree }: ClientState, leafIndex: number | undefined): readonly MemberClaim[] {
  const claim = leafIndex === undefined ? undefined : leavesOf(ratchetTree).get(leafIndex);
  return claim === undefined ? [] : [claim];
}

function proposedClaim(proposal: Proposal): readonly MemberClaim[] {
  if (proposal.proposalType === 'add') return [claimOf(proposal.add.keyPackage.leafNode)];
  return proposal.proposalType === 'update' ? [claimOf(proposal.update.leafNode)] : [];
}

/** Checks that an update has the same name as the leaf that it is for. */
async function checkProposal(
  guard: StepGuard,
  state: ClientState,
  { proposal, senderLeafIndex }: ProposalWithSender,
): Promise<void> {
  const [current] = claimAt(state, senderLeafIndex);
  if (proposal.proposalType !== 'update' || senderLeafIndex === undefined || current === undefined) return;
  await checkSuccessor((claim) => guard.judge.read(claim), senderLeafIndex, current, claimOf(proposal.update.leafNode));
}

function claimOf({ credential, signaturePublicKey }: LeafNode): MemberClaim {
  return { credential, signatureKey: signaturePublicKey };
}
