import { leafValidity, type Validity } from '../../ca/profile.ts';
import { ensure } from '../../core/errors.ts';
import type { LogContext } from '../log-context.ts';
import type { NextVersion } from './continuity.ts';

/**
 * Step `policy`: how long the certificate will be valid by the profile, and that the record has room for it. Throws
 * `change-rejected` for a full record, `certificate-expired` where the issuing CA is.
 */
export function policy({ profile, keys, limits, now }: LogContext, next: NextVersion): Validity {
  const fits = next.kept.length < limits.maxCertificates;
  ensure(fits, 'change-rejected', `an identity has at most ${limits.maxCertificates} certificates`);
  return leafValidity(profile, keys.issuer.certificate, now());
}
