import { leafValidity, type Validity } from '../../ca/profile.ts';
import type { ParsedCsr } from '../../ca/csr/csr.ts';
import { ensure } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import type { LogContext } from '../log/log-context.ts';
import type { NextVersion } from './continuity.ts';
import { profileOf } from '../log/profile-table.ts';

/**
 * Step `policy`: how long the certificate will be valid by the profile of its identity, and that the record has room for it. Throws
 * `forbidden` for an identity without a profile, `weak-key` for a kind of key that the profile does not have, `change-rejected` for a full record, `certificate-expired` where the issuing CA is.
 */
export function policy(
  { profiles, keys, limits, now }: LogContext,
  identity: Identity,
  next: NextVersion,
  { keyType }: Pick<ParsedCsr, 'keyType'>,
): Validity {
  const profile = profileOf(profiles, identity);
  const isAccepted = profile.keyTypes === undefined || profile.keyTypes.includes(keyType);
  ensure(isAccepted, 'weak-key', `this log certifies no ${keyType} keys of such identities`);
  const fits = next.kept.length < limits.maxCertificates;
  ensure(fits, 'change-rejected', `an identity has at most ${limits.maxCertificates} certificates`);
  return leafValidity(profile, keys.issuer.certificate, now());
}
