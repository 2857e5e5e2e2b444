import type { TokenBucketOptions } from '../token-buckets.ts';
import type { EmailSettings } from './email/email-settings.ts';
import type { OidcIssuerSettings } from './oidc/oidc-settings.ts';
import type { WebhookSettings } from './webhook/webhook-settings.ts';
import type { RecoverySettings } from './recovery-settings.ts';
import { DEFAULT_POLICY, type PolicyTable } from './policy-table.ts';

/** The settings of evidence: who may have a name, and how often. */
export interface EvidenceSettings {
  readonly policy: PolicyTable;
  /** The token bucket of each identity's certificates; undefined: unlimited. */
  readonly identityLimit: TokenBucketOptions | undefined;
  /** The OpenID providers that the policy may name. */
  readonly oidc: readonly OidcIssuerSettings[];
  /** Proofs by mail; undefined: disabled. */
  readonly email: EmailSettings | undefined;
  /** The webhook that approves certificates; undefined: none. */
  readonly webhook: WebhookSettings | undefined;
  /** Default: {@link DEFAULT_RECOVERY}. */
  readonly recovery?: RecoverySettings | undefined;
}

/** The default settings: applications vouch for every identity. */
export const DEFAULT_EVIDENCE: EvidenceSettings = {
  policy: DEFAULT_POLICY,
  identityLimit: undefined,
  oidc: [],
  email: undefined,
  webhook: undefined,
};
