import { acceptsKeyType, leafValidity, type Validity } from '../../ca/profile.ts';
import type { ParsedCsr } from '../../ca/csr/csr.ts';
import { isMlDsaSet } from '../../core/crypto/ml-dsa-sets.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import { MAX_RECORD_BYTES } from '../../identity/identity-record.ts';
import type { LogContext } from '../log/log-context.ts';
import type { TokenBuckets } from '../token-buckets.ts';
import type { RequestSettings } from '../log/reloadable.ts';
import type { NextVersion } from './continuity.ts';
import { profileOf } from '../log/profile-table.ts';

/**
 * Most bytes of a record beside its kept certificates and the new key: the rest of a certificate (an ML-DSA signature,
 * companion keys, eight extra extensions, names and URLs), and the record's own fields with its signature.
 */
const MAX_BYTES_BESIDE_KEY = 20_480;

/**
 * Step `policy`: returns the validity that the profile of the identity gives, and checks that the record has room for
 * the certificate. Throws `forbidden` for an identity without a profile, `weak-key` for a kind of key that the profile
 * does not take or the log's clients cannot read, `change-rejected` for a full record, `certificate-expired` if the
 * issuing CA has expired.
 */
export function policy(
  { limits, now }: Pick<LogContext, 'limits' | 'now'>,
  { profiles, signingCa, allowsMlDsa }: RequestSettings,
  identity: Identity,
  next: Pick<NextVersion, 'kept'>,
  { keyType, spki }: Pick<ParsedCsr, 'keyType' | 'spki'>,
): Validity {
  const profile = profileOf(profiles, identity);
  const isReadable = allowsMlDsa || !isMlDsaSet(keyType);
  ensure(
    isReadable && acceptsKeyType(profile, keyType),
    'weak-key',
    `this log certifies no ${keyType} keys of such identities`,
  );
  const fits = next.kept.length < limits.maxCertificates;
  ensure(fits, 'change-rejected', `an identity has at most ${limits.maxCertificates} certificates`);
  const bytes = next.kept.reduce((sum, { der }) => sum + der.length, spki.length + MAX_BYTES_BESIDE_KEY);
  ensure(bytes <= MAX_RECORD_BYTES, 'change-rejected', `a record has at most ${MAX_RECORD_BYTES} bytes`);
  return leafValidity(profile, signingCa.issuer.certificate, now());
}

/**
 * Step `withinIdentityBudget`: counts a certificate against the budget of its identity, and takes that back unless
 * `work` calls `keep`. It comes after every step that a stranger cannot pass, so that nobody uses up another's budget.
 * Throws `rate-limited`.
 */
export async function withinIdentityBudget<T>(
  budget: TokenBuckets | undefined,
  labelKey: Uint8Array,
  work: (keep: () => void) => Promise<T>,
): Promise<T> {
  if (budget === undefined) return work(() => undefined);
  const key = formatHex(labelKey);
  if (!budget.take(key)) {
    const retryAfterSeconds = Math.max(budget.waitSeconds(key), 1);
    throw new GlasskeyError('rate-limited', 'too many certificates for this identity', { retryAfterSeconds });
  }
  let kept = false;
  try {
    return await work(() => (kept = true));
  } finally {
    if (!kept) budget.giveBack(key);
  }
}
