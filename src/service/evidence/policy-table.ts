import { ensure } from '../../core/errors.ts';
import type { Evidence } from '../../identity/evidence.ts';
import { covers, type IdentityScope } from '../../identity/identity-scope.ts';
import type { Identity } from '../../identity/identity.ts';

/** Evidence as the table names it: an OpenID provider by its issuer URL. */
export type EvidenceName = 'application' | 'email' | `oidc:${string}`;

/** One row: which evidence may vouch for which identities. */
export interface PolicyRow extends IdentityScope {
  readonly evidence: readonly EvidenceName[];
  /** What proves such an identity anew for a recovery. Default: what {@link evidence} says; none: there is no recovery. */
  readonly recovery?: readonly EvidenceName[] | undefined;
}

/** Which evidence may vouch for which identities: what any row allows. */
export type PolicyTable = readonly PolicyRow[];

/** The table of a server that configures none: applications vouch for everybody. */
export const DEFAULT_POLICY: PolicyTable = [{ identities: 'any', domains: undefined, evidence: ['application'] }];

/** What the table calls a kind of evidence; an administrator's import is in no table. */
export function evidenceName(evidence: Evidence): EvidenceName | undefined {
  if (evidence.type === 'import') return undefined;
  return evidence.type === 'oidc' ? `oidc:${evidence.issuer}` : evidence.type;
}

/** What somebody wants to have an identity vouched for: `any` is either. */
export type VouchedPurpose = 'register' | 'recover' | 'any';

/** Throws `forbidden` unless the table lets this evidence vouch for this identity. */
export function assertMayVouch(
  table: PolicyTable,
  evidence: Evidence,
  identity: Identity,
  purpose: VouchedPurpose = 'register',
): void {
  const name = evidenceName(evidence);
  const isAllowed =
    name !== undefined && table.some((row) => namesFor(row, purpose).includes(name) && covers(row, identity));
  ensure(isAllowed, 'forbidden', 'this evidence does not vouch for such an identity here');
}

function namesFor({ evidence, recovery = evidence }: PolicyRow, purpose: VouchedPurpose): readonly EvidenceName[] {
  if (purpose === 'register') return evidence;
  return purpose === 'recover' ? recovery : [...evidence, ...recovery];
}
