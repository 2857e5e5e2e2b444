import { leafValidity, type Validity } from '../../ca/profile.ts';
import type { ParsedCsr } from '../../ca/csr.ts';
import { ensure } from '../../core/errors.ts';
import type { LogContext } from '../log-context.ts';
import type { NextVersion } from './continuity.ts';

/**
 * Step `policy`: how long the certificate will be valid by the profile, and that the record has room for it. Throws
 * `weak-key` for a kind of key that the profile does not have, `change-rejected` for a full record, `certificate-expired` where the issuing CA is.
 */
export function policy(
  { profile, keys, limits, now }: LogContext,
  next: NextVersion,
  { keyType }: Pick<ParsedCsr, 'keyType'>,
): Validity {
  const isAccepted = profile.keyTypes === undefined || profile.keyTypes.includes(keyType);
  ensure(isAccepted, 'weak-key', `this log certifies no ${keyType} keys`);
  const fits = next.kept.length < limits.maxCertificates;
  ensure(fits, 'change-rejected', `an identity has at most ${limits.maxCertificates} certificates`);
  return leafValidity(profile, keys.issuer.certificate, now());
}
