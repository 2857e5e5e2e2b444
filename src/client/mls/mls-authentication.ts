import type {
  AuthenticationService,
  ClientConfig,
  ClientState,
  CreateCommitOptions,
  CreateCommitResult,
  Credential,
  MlsPrivateMessage,
  MlsPublicMessage,
  MLSContext,
  RatchetTree,
} from 'ts-mls';
import type { KeyDirectory } from '../key-directory.ts';
import type { CommitReport, CommitSeen, GroupTree } from './check-commit.ts';
import { type ConfigBase, configWith } from './client-config.ts';
import {
  commitChecked,
  processChecked,
  type Processed,
  type Processing,
  replaceChecked,
  type Reported,
} from './commit-steps.ts';
import { CredentialJudge, type MlsAuthenticationOptions } from './credential-judge.ts';
import { leavesOf } from './group-leaves.ts';
import {
  type ExternallyJoined,
  type ExternalJoining,
  joinByCommit,
  joinByWelcome,
  type Joining,
} from './join-steps.ts';
import type { RefusedCredential } from './judgement.ts';
import type { MemberClaim } from './member-credential.ts';
import type { Replacement } from './replace-credential.ts';
import { readRoster, type Roster } from './roster.ts';
import { StepGuard } from './step-guard.ts';

/**
 * The authentication service of MLS (RFC 9420 §5.3.1) for ts-mls 1.x, by a Glasskey log: a member is whoever the
 * current record of the certificate's identity says. Everything is looked up and verified by the {@link KeyDirectory},
 * and what cannot be checked is refused.
 *
 * Its methods do a step of ts-mls, look up every credential in it with one request, and compare the group before and
 * after. If anything is refused they throw its reason, and the state before stays usable: do not overwrite `consumed`
 * secrets of a step that threw. {@link service} is the hook alone, for other functions of ts-mls.
 */
export class MlsAuthentication {
  readonly #judge: CredentialJudge;
  readonly #guard: StepGuard;
  #lastRefusal: RefusedCredential | undefined;

  constructor(directory: KeyDirectory, options: MlsAuthenticationOptions = {}) {
    const onEvent: MlsAuthenticationOptions['onEvent'] = (event) => {
      if (event.type === 'refused') this.#lastRefusal = event.refusal;
      options.onEvent?.(event);
    };
    this.#judge = new CredentialJudge(directory, { ...options, onEvent });
    this.#guard = new StepGuard(this.#judge, this.service);
  }

  /** The last refusal. ts-mls keeps no reason when its hook says no. */
  get lastRefusal(): RefusedCredential | undefined {
    return this.#lastRefusal;
  }

  /**
   * The hook of ts-mls: judges one credential, by an answer of the last `servesMs` or a lookup of its own. Returns
   * false for each refusal, network failures included; {@link lastRefusal} has the reason. It cannot compare a
   * credential with the one before: call {@link checkCommit} after each commit.
   */
  readonly service: AuthenticationService = {
    validateCredential: async (credential, signatureKey) => {
      const [judged] = await this.#judge.judge([{ credential, signatureKey }], { recent: true });
      return judged?.type === 'accepted';
    },
  };

  /** Returns a configuration of ts-mls with this service. Without one, ts-mls 1.x accepts everybody. */
  clientConfig(base?: Partial<ConfigBase>): ClientConfig {
    return configWith(this.service, base);
  }

  /**
   * Looks up every member of a tree, or the holders of credentials, with one request for 64 names. The answers serve
   * the hook for `servesMs`, so that a join costs no lookup for each member. Throws `payload-too-large`.
   */
  async prefetch(from: { readonly tree: RatchetTree } | { readonly claims: readonly MemberClaim[] }): Promise<void> {
    await this.#judge.prefetch('tree' in from ? [...leavesOf(from.tree).values()] : from.claims);
  }

  /** Forgets every answer, so that the next check asks the log. */
  refresh(): void {
    this.#judge.forget();
  }

  /** Throws the reason unless the log holds the credential for this key. For a KeyPackage before it is added. */
  async assertMember(credential: Credential, signatureKey: Uint8Array): Promise<void> {
    await this.#guard.accept([{ credential, signatureKey }]);
  }

  /**
   * Joins by a Welcome, as `joinGroup` of ts-mls. Every member of the group is judged first. Throws the reason of a
   * refusal, and errors of ts-mls.
   */
  join(joining: Joining): Promise<ClientState> {
    return joinByWelcome(this.#guard, joining);
  }

  /** Joins by an external commit, as `joinGroupExternal`. Judges every member first. Throws as {@link join}. */
  joinExternal(joining: ExternalJoining): Promise<ExternallyJoined> {
    return joinByCommit(this.#guard, joining);
  }

  /**
   * Processes a message of a group, as `processMessage`. Judges its sender and every credential of a proposal or
   * commit, and checks that a credential which replaces another has the same name. An application message costs no
   * request: `sender` is the device whose key signed it, as it was judged when it came into the group. Whether its
   * certificate still holds is what {@link recheck} asks. Throws as {@link join}, and `bad-message` for an application
   * message whose sender is not a single member of its epoch.
   */
  process(
    message: MlsPrivateMessage | MlsPublicMessage,
    state: ClientState,
    processing: Processing,
  ): Promise<Processed> {
    return processChecked(this.#guard, message, state, processing);
  }

  /** Makes a commit, as `createCommit`, and checks it like one of others before it is sent. Throws as {@link join}. */
  commit(context: MLSContext, options: CreateCommitOptions = {}): Promise<CreateCommitResult & Reported> {
    return commitChecked(this.#guard, context, options);
  }

  /**
   * Commits a new certificate of this device, with the same key or another: after `renew` or `rotate`. Afterwards the
   * suite of the new key signs. Throws `usage` while proposals wait to be committed, and as {@link join}.
   */
  replace(replacement: Replacement): Promise<CreateCommitResult & Reported> {
    return replaceChecked(this.#guard, replacement);
  }

  /**
   * Checks a commit that a function of ts-mls made or processed, by the states before and after and what its callback
   * saw. Use the new state only afterwards. Throws `bad-certificate`: see `checkCommit`.
   */
  checkCommit(before: GroupTree, after: GroupTree, commit: CommitSeen): Promise<CommitReport> {
    return this.#guard.checkCommit(before, after, commit);
  }

  /** Returns everybody in a group, by answers of the last `servesMs` or new ones. Throws `payload-too-large`. */
  roster(state: ClientState): Promise<Roster> {
    return readRoster(this.#judge, state, { recent: true });
  }

  /**
   * Returns everybody in a group by new answers: call it on a timer, since a certificate may leave its record between
   * commits. Then remove the departed with `proposeRemovals` or a commit. Throws `payload-too-large`.
   */
  recheck(state: ClientState): Promise<Roster> {
    return readRoster(this.#judge, state, { recent: false });
  }
}
