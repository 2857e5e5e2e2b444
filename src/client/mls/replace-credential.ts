import { type CiphersuiteImpl, type ClientState, createCommit, type CreateCommitResult } from 'ts-mls';
import { ensure } from '../../core/errors.ts';
import type { ClientKey } from '../client-key.ts';
import { successionSuite } from './device-suite.ts';
import { credentialOf, type MlsDevice, signatureKeyOf } from './key-package.ts';

/** A group, the key that its leaf of this device has, and the device as it is from now on. */
export interface Replacement {
  readonly state: ClientState;
  readonly cipherSuite: CiphersuiteImpl;
  readonly before: ClientKey;
  readonly next: MlsDevice;
  readonly asPublicMessage?: boolean | undefined;
}

/**
 * Commits a new certificate, with the same key or another, in the place of the one that this device has in the group:
 * after `renew` or `rotate`. Others accept it as the successor if it names the same identity. Throws `usage` while
 * proposals wait to be committed, and for keys that do not fit.
 */
export async function createReplacement(replacement: Replacement): Promise<CreateCommitResult> {
  const { state, cipherSuite, before, next, asPublicMessage = false } = replacement;
  // A commit of additions alone has no update path, and would leave the old credential in place.
  const isIdle = Object.keys(state.unappliedProposals).length === 0;
  ensure(isIdle, 'usage', 'proposals wait in this group: commit them first');
  const nodeIndex = 2 * state.privatePath.leafIndex;
  const node = state.ratchetTree[nodeIndex];
  ensure(node?.nodeType === 'leaf', 'usage', 'this device is not in the group');
  const leaf = { ...node.leaf, credential: credentialOf(next.issued), signaturePublicKey: signatureKeyOf(next) };
  // ts-mls 1.x copies credential and key of the new leaf from the tree, and offers no other way to give them.
  const ratchetTree = state.ratchetTree.with(nodeIndex, { nodeType: 'leaf', leaf });
  const context = { state: { ...state, ratchetTree }, cipherSuite: successionSuite(cipherSuite, before, next.key) };
  const { newState, ...rest } = await createCommit(context, { wireAsPublicMessage: asPublicMessage });
  return { ...rest, newState: { ...newState, historicalReceiverData: historyOf(newState, state) } };
}

/** Puts the tree of the epoch before back as its members know it. */
function historyOf(after: ClientState, { groupContext, ratchetTree }: ClientState) {
  const held = after.historicalReceiverData.get(groupContext.epoch);
  if (held === undefined) return after.historicalReceiverData;
  return new Map(after.historicalReceiverData).set(groupContext.epoch, { ...held, ratchetTree });
}
