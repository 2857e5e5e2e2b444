import type { BudgetOptions } from '../request-budget.ts';
import type { EmailSettings } from './email/email-settings.ts';
import type { OidcIssuerSettings } from './oidc/oidc-settings.ts';
import type { WebhookSettings } from './webhook/webhook-settings.ts';
import type { RecoverySettings } from './recovery-settings.ts';
import { DEFAULT_POLICY, type PolicyTable } from './policy-table.ts';

/** Who may have a name, and how often. */
export interface EvidenceSettings {
  readonly policy: PolicyTable;
  /** Certificates for one identity; undefined: any number. */
  readonly identityLimit: BudgetOptions | undefined;
  /** OpenID providers whose word the policy may take. */
  readonly oidc: readonly OidcIssuerSettings[];
  /** How addresses are proved by mail; undefined: they are not. */
  readonly email: EmailSettings | undefined;
  /** Who is asked before a certificate is made; undefined: nobody. */
  readonly webhook: WebhookSettings | undefined;
  /** Default: {@link DEFAULT_RECOVERY}. */
  readonly recovery?: RecoverySettings | undefined;
}

/** What a server does that configures nothing: applications vouch for everybody. */
export const DEFAULT_EVIDENCE: EvidenceSettings = {
  policy: DEFAULT_POLICY,
  identityLimit: undefined,
  oidc: [],
  email: undefined,
  webhook: undefined,
};
