import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { Authorization } from '../../identity/authorization.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import type { HeldVersion } from '../../identity/continuity.ts';
import type { IdentityRecord } from '../../identity/identity-record.ts';
import { MAX_VERSIONS_BACK } from '../../identity/owners-record.ts';
import { openLink } from '../../identity/record-link.ts';
import type { LogStore, RecoveryRow } from '../../store/ports.ts';
import type { LogContext } from './log-context.ts';
import { asStored } from './stored-data.ts';

/** Returns true for the record of a version by which a recovery took effect, or the operator acted. */
export function settlesRecovery({ authorization }: IdentityRecord): boolean {
  return (
    authorization.type === 'operator' || (authorization.type === 'recovery' && authorization.phase === 'effective')
  );
}

/**
 * Returns the authorisation that a granted recovery gives the version after `state`. Throws `change-rejected` if the
 * grant was used before.
 */
export async function grantedAuthorization(
  { store, identityRules }: Pick<LogContext, 'store' | 'identityRules'>,
  claim: RecoveryRow,
  state: HeldVersion,
): Promise<Authorization> {
  const { label } = canonicalIdentity(claim.identity, identityRules);
  const isUnused = await isGrantUnused(store, label, claim, state);
  ensure(isUnused, 'change-rejected', 'the grant of this recovery was used: the operator has to decide anew');
  return { type: 'operator', reason: claim.reason ?? 'recovery' };
}

/**
 * Returns true unless a grant was used before `from`, the newest version of its label. A grant names the version at
 * which it was given. Changes by a key since then leave it valid: otherwise a thief with the old key could void every
 * grant by a renewal. A recovery or an act of the operator since then has used it up. Follows the commitments back.
 */
export async function isGrantUnused(
  store: Pick<LogStore, 'readVersions'>,
  label: Uint8Array,
  { labelKey, grantedVersion, grantedCommitment }: RecoveryRow,
  from: HeldVersion,
): Promise<boolean> {
  // A grant of an older program, which an administrator sealed.
  if (grantedVersion === undefined || grantedCommitment === undefined) return true;
  let later = from;
  while (later.version > grantedVersion && later.version > from.version - MAX_VERSIONS_BACK) {
    if (settlesRecovery(later.record)) return false;
    const version = later.version - 1;
    const [row] = await store.readVersions(labelKey, version, version);
    const { opening, value } = row ?? {};
    const isNone = `version ${version} of a label is stored as no record`;
    const earlier = opening && value && asStored(isNone, () => openLink(label, version, { opening, value }));
    if (earlier === undefined || !equalBytes(earlier.commitment, later.record.previousCommitment)) return false;
    later = earlier;
  }
  return later.version === grantedVersion && equalBytes(later.commitment, grantedCommitment);
}
