import type { AuthenticationService, ClientState } from 'ts-mls';
import { checkCommit, type CommitReport, type CommitSeen, type GroupTree } from './check-commit.ts';
import { configWith } from './client-config.ts';
import type { CredentialJudge } from './credential-judge.ts';
import type { MemberClaim } from './member-credential.ts';

/** The checks of a step of a group, made before its state is used. */
export class StepGuard {
  readonly judge: CredentialJudge;
  readonly #service: AuthenticationService;

  /** `service` is the hook of the states that the steps return. */
  constructor(judge: CredentialJudge, service: AuthenticationService) {
    this.judge = judge;
    this.#service = service;
  }

  /** Throws the reason of the first refusal, by new answers of the log. */
  async accept(claims: readonly MemberClaim[]): Promise<void> {
    for (const one of await this.judge.judge(claims, { recent: false })) if (one.type !== 'accepted') throw one.error;
  }

  /** Returns a state whose hook is the service, whatever it was during the step. */
  guarded(state: ClientState): ClientState {
    return { ...state, clientConfig: configWith(this.#service, state.clientConfig) };
  }

  /** Checks a commit. Throws `bad-certificate`: see `checkCommit`. */
  checkCommit(before: GroupTree, after: GroupTree, commit: CommitSeen): Promise<CommitReport> {
    return checkCommit((claim) => this.judge.read(claim), before, after, commit);
  }
}
