import type { LogContext } from '../log/log-context.ts';
import type { LogProgress } from '../log/log-progress.ts';
import type { Prover } from '../prover/prover.ts';
import type { TokenInfo } from '../log/tokens.ts';
import type { Admission } from './admission.ts';
import type { EmailChallenges } from '../evidence/email/email-challenges.ts';
import type { OidcTokens } from '../evidence/oidc/oidc-tokens.ts';
import type { PolicyTable } from '../evidence/policy-table.ts';
import type { Webhook } from '../evidence/webhook/webhook.ts';
import type { Mailer } from '../evidence/email/mailer.ts';
import type { Made, SettledRecovery } from './made.ts';
import type { RecoverySettings } from '../evidence/recovery-settings.ts';
import type { RequestBudget } from '../request-budget.ts';
import type { Flights } from './flights.ts';

/** What the steps of the pipeline share. */
export interface Issuance {
  readonly context: LogContext;
  readonly progress: LogProgress;
  readonly prover: Prover;
  readonly admission: Admission;
  /** Requests under way, by their hash: the same at the same time share one. */
  readonly flights: Flights<Made>;
  /** Tokens being looked up. */
  readonly tokens: Flights<TokenInfo>;
  /** Which evidence may vouch for which identities. */
  readonly policyTable: PolicyTable;
  readonly oidc: OidcTokens;
  /** undefined where nothing is proved by mail. */
  readonly emailChallenges: EmailChallenges | undefined;
  readonly webhook: Webhook | undefined;
  /** Certificates for one identity; undefined: any number. */
  readonly identityBudget: RequestBudget | undefined;
  /** Recoveries under way: the same at the same time share one. */
  readonly recoveries: Flights<SettledRecovery>;
  readonly recoverySettings: RecoverySettings;
  /** undefined where no mail is sent. */
  readonly mailer: Mailer | undefined;
  /** To be called when a recovery became pending: its owner is to be told. */
  readonly recoveryAsked: () => void;
}
