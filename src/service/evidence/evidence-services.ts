import type { IdentityRules } from '../../identity/identity.ts';
import type { BudgetExchange } from '../budget-exchange.ts';
import { sharedBudget, TokenBuckets } from '../token-buckets.ts';
import type { Observer } from '../service-event.ts';
import type { Fetch } from '../../core/net/bounded-fetch.ts';
import { type ChallengeContext, EmailChallenges } from './email/email-challenges.ts';
import { type Mailer, smtpMailer } from '../../delivery/mailer.ts';
import type { EvidenceSettings } from './evidence-settings.ts';
import { OidcTokens } from './oidc/oidc-tokens.ts';
import type { PolicyTable } from './policy-table.ts';
import { DEFAULT_RECOVERY, type RecoverySettings } from './recovery-settings.ts';
import { Webhook } from './webhook/webhook.ts';

/** Judges evidence by one set of settings. */
export interface EvidenceServices {
  /** The evidence that may vouch for each identity. */
  readonly policyTable: PolicyTable;
  readonly oidc: OidcTokens;
  /** Undefined if nothing is proved by mail. */
  readonly emailChallenges: EmailChallenges | undefined;
  /** Undefined if no mail is sent. */
  readonly mailer: Mailer | undefined;
  readonly webhook: Webhook | undefined;
  /** The token bucket of each identity's certificates; undefined: unlimited. */
  readonly identityBudget: TokenBuckets | undefined;
  readonly recoverySettings: RecoverySettings;
}

/** The part of an open log that judging evidence needs. */
export interface EvidenceContext extends ChallengeContext {
  readonly identityRules: IdentityRules;
  readonly observe: Observer;
  /** Asks other servers. */
  readonly fetch: Fetch;
  /** Shares token buckets with other processes of this server; undefined if there are none. */
  readonly budgets?: BudgetExchange | undefined;
}

/** Opens the services that the settings name. Token buckets and cached keys of OpenID providers start empty. */
export function openEvidence(context: EvidenceContext, settings: EvidenceSettings): EvidenceServices {
  const { observe, identityRules, now, fetch, budgets } = context;
  const { policy, identityLimit, oidc, email, webhook, recovery } = settings;
  const mailer =
    email &&
    smtpMailer(email, (reason) => {
      if (reason === undefined) observe({ type: 'asked', server: 'mail server', error: undefined });
      else observe({ type: 'mail-failed', reason });
    });
  return {
    policyTable: policy,
    emailChallenges: email && mailer && new EmailChallenges(context, policy, email, mailer),
    mailer,
    recoverySettings: recovery ?? DEFAULT_RECOVERY,
    oidc: new OidcTokens(oidc, identityRules, fetch, now, observe),
    webhook: webhook && new Webhook(webhook, fetch, context),
    identityBudget: identityLimit && new TokenBuckets(identityLimit, now, sharedBudget(budgets, 'identity')),
  };
}
