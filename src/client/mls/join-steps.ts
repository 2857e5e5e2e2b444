import {
  type CiphersuiteImpl,
  type ClientState,
  emptyPskIndex,
  type GroupInfo,
  joinGroup,
  joinGroupExternal,
  type PskIndex,
  type PublicMessage,
  type RatchetTree,
  type Welcome,
} from 'ts-mls';
import type { ConfigBase } from './client-config.ts';
import { CollectedClaims } from './collected-claims.ts';
import type { NewKeyPackage } from './key-package.ts';
import type { StepGuard } from './step-guard.ts';

/** A Welcome and what is needed to join by it. */
export interface Joining extends NewKeyPackage {
  readonly welcome: Welcome;
  readonly cipherSuite: CiphersuiteImpl;
  /** The tree, if the Welcome does not hold it. */
  readonly ratchetTree?: RatchetTree | undefined;
  readonly pskIndex?: PskIndex | undefined;
  readonly resumingFromState?: ClientState | undefined;
  readonly config?: Partial<ConfigBase> | undefined;
}

/** A GroupInfo and what is needed to join by it. */
export interface ExternalJoining extends Omit<Joining, 'welcome' | 'pskIndex' | 'resumingFromState'> {
  readonly groupInfo: GroupInfo;
  /** True to remove the leaf of the same key, which this device had before. */
  readonly resync?: boolean | undefined;
}

/** The message that tells the group, and the state of who joined. */
export interface ExternallyJoined {
  readonly publicMessage: PublicMessage;
  readonly newState: ClientState;
}

/** Joins by a Welcome (RFC 9420 §12.4.3.1), and returns the state once every member is accepted. */
export async function joinByWelcome(guard: StepGuard, joining: Joining): Promise<ClientState> {
  const { welcome, publicPackage, privatePackage, pskIndex = emptyPskIndex, cipherSuite } = joining;
  const { ratchetTree, resumingFromState, config } = joining;
  const collected = new CollectedClaims();
  const state = await joinGroup(
    welcome,
    publicPackage,
    privatePackage,
    pskIndex,
    cipherSuite,
    ratchetTree,
    resumingFromState,
    collected.config(config),
  );
  await guard.accept(collected.claims);
  return guard.guarded(state);
}

/** Joins by an external commit (RFC 9420 §12.4.3.2), and returns it once every member and the joiner are accepted. */
export async function joinByCommit(guard: StepGuard, joining: ExternalJoining): Promise<ExternallyJoined> {
  const { groupInfo, publicPackage, privatePackage, resync = false, cipherSuite, ratchetTree, config } = joining;
  const collected = new CollectedClaims();
  const { publicMessage, newState } = await joinGroupExternal(
    groupInfo,
    publicPackage,
    privatePackage,
    resync,
    cipherSuite,
    ratchetTree,
    collected.config(config),
  );
  const { credential, signaturePublicKey: signatureKey } = publicPackage.leafNode;
  await guard.accept([...collected.claims, { credential, signatureKey }]);
  return { publicMessage, newState: guard.guarded(newState) };
}
