import { ensure, isGlasskeyError } from '../../../core/errors.ts';
import { canonicalIdentity } from '../../../identity/canonical-identity.ts';
import type { Identity, IdentityRules } from '../../../identity/identity.ts';

/** A template that turns a claim into an identity, such as `{email}` or `acct:{sub}@chat.example`. */
export interface IdentityTemplate {
  readonly before: string;
  readonly claim: string;
  readonly after: string;
}

/** The characters of a claim inside a longer text: no separator of a URI or an address. */
const PART = /^[A-Za-z0-9._~-]{1,128}$/;

/** Claims that count only if another claim says that the provider has verified them (OpenID Connect Core §5.1). */
const VERIFIED_BY: Readonly<Record<string, { readonly flag: string; readonly kind: Identity['kind'] }>> = {
  email: { flag: 'email_verified', kind: 'email' },
  phone_number: { flag: 'phone_number_verified', kind: 'tel' },
};

/** Parses a template, which holds exactly one claim name in braces. Returns undefined for any other text. */
export function identityTemplate(text: string): IdentityTemplate | undefined {
  const [, before, claim, after] = /^([^{}]*)\{([A-Za-z0-9_:/.-]{1,128})\}([^{}]*)$/.exec(text) ?? [];
  return before === undefined || claim === undefined || after === undefined ? undefined : { before, claim, after };
}

/**
 * Returns the identity that verified claims name. The whole claim goes into the template, and the result must already
 * be canonical: two subjects that differ only in case must not become one identity. E-mail addresses are the exception.
 * Providers spell them freely, so they are canonicalised. Throws `token-refused`.
 */
export function claimedIdentity(
  { before, claim, after }: IdentityTemplate,
  claims: Readonly<Record<string, unknown>>,
  rules: IdentityRules,
): Identity {
  const value = claims[claim];
  ensure(typeof value === 'string', 'token-refused', `the claim ${claim} of the token is missing or not a string`);
  const verified = Object.hasOwn(VERIFIED_BY, claim) ? VERIFIED_BY[claim] : undefined;
  const isVerified = verified === undefined || isTrue(claims[verified.flag]);
  ensure(isVerified, 'token-refused', `the provider has not verified the claim ${claim}`);
  const isAlone = before === '' && after === '';
  ensure(isAlone || PART.test(value), 'token-refused', `the claim ${claim} holds a character that is not allowed`);
  const text = before + value + after;
  const identity = canonical(text, rules, claim);
  const isKind = verified === undefined || !isAlone || identity.kind === verified.kind;
  const isSame = claim === 'email' || identity.text === text;
  ensure(isKind && isSame, 'token-refused', `the claim ${claim} is not an identity in canonical form`);
  return identity;
}

/** Returns true for `true`, also as text: some providers send it so. */
function isTrue(claim: unknown): boolean {
  return claim === true || claim === 'true';
}

function canonical(text: string, rules: IdentityRules, claim: string): Identity {
  try {
    return canonicalIdentity(text, rules);
  } catch (error) {
    if (!isGlasskeyError(error, 'invalid-identity')) throw error;
    ensure(false, 'token-refused', `the claim ${claim} is not a valid identity`);
  }
}
