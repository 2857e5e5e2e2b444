import type { BudgetOptions } from '../request-budget.ts';
import { DEFAULT_POLICY, type PolicyTable } from './policy-table.ts';

/** Who may have a name, and how often. */
export interface EvidenceSettings {
  readonly policy: PolicyTable;
  /** Certificates for one identity; undefined: any number. */
  readonly identityLimit: BudgetOptions | undefined;
}

/** What a server does that configures nothing: applications vouch for everybody. */
export const DEFAULT_EVIDENCE: EvidenceSettings = { policy: DEFAULT_POLICY, identityLimit: undefined };
