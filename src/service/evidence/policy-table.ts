import { ensure } from '../../core/errors.ts';
import type { Evidence } from '../../identity/evidence.ts';
import { covers, type IdentityScope } from '../../identity/identity-scope.ts';
import type { Identity } from '../../identity/identity.ts';

/** Evidence as the table names it: an OpenID provider by its issuer URL. */
export type EvidenceName = 'application' | 'email' | `oidc:${string}`;

/** A row of the policy: the evidence that may vouch for some identities. */
export interface PolicyRow extends IdentityScope {
  readonly evidence: readonly EvidenceName[];
  /** The evidence that a recovery accepts. Default: {@link evidence}; empty: such identities cannot be recovered. */
  readonly recovery?: readonly EvidenceName[] | undefined;
}

/** The evidence policy. Evidence may vouch for an identity if any row allows it. */
export type PolicyTable = readonly PolicyRow[];

/** The default policy: applications vouch for every identity. */
export const DEFAULT_POLICY: PolicyTable = [{ identities: 'any', domains: undefined, evidence: ['application'] }];

/** Returns the table's name for a kind of evidence; undefined for an administrator's import, which needs no row. */
export function evidenceName(evidence: Evidence): EvidenceName | undefined {
  if (evidence.type === 'import') return undefined;
  return evidence.type === 'oidc' ? `oidc:${evidence.issuer}` : evidence.type;
}

/** The purpose of the evidence; `any` accepts evidence for either. */
export type VouchedPurpose = 'register' | 'recover' | 'any';

/** Throws `forbidden` unless the table lets this evidence vouch for this identity. */
export function assertMayVouch(
  table: PolicyTable,
  evidence: Evidence,
  identity: Identity,
  purpose: VouchedPurpose = 'register',
): void {
  ensure(
    mayVouch(table, evidence, identity, purpose),
    'forbidden',
    'the policy does not let this evidence vouch for this identity',
  );
}

/** Returns true if the table lets this evidence vouch for this identity. */
export function mayVouch(
  table: PolicyTable,
  evidence: Evidence,
  identity: Identity,
  purpose: VouchedPurpose = 'register',
): boolean {
  const name = evidenceName(evidence);
  return name !== undefined && table.some((row) => namesFor(row, purpose).includes(name) && covers(row, identity));
}

function namesFor({ evidence, recovery = evidence }: PolicyRow, purpose: VouchedPurpose): readonly EvidenceName[] {
  if (purpose === 'register') return evidence;
  return purpose === 'recover' ? recovery : [...evidence, ...recovery];
}
