import { ensure, isGlasskeyError } from '../../../core/errors.ts';
import { canonicalIdentity } from '../../../identity/canonical-identity.ts';
import type { Identity, IdentityRules } from '../../../identity/identity.ts';

/** How claims become an identity: `{email}`, `acct:{sub}@chat.example`. */
export interface IdentityTemplate {
  readonly before: string;
  readonly claim: string;
  readonly after: string;
}

/** What a claim may hold that is put into a longer text: nothing that separates anything in a URI or an address. */
const PART = /^[A-Za-z0-9._~-]{1,128}$/;

/** Claims that tell nothing unless another one says that the provider has verified them (OpenID Connect Core §5.1). */
const VERIFIED_BY: Readonly<Record<string, { readonly flag: string; readonly kind: Identity['kind'] }>> = {
  email: { flag: 'email_verified', kind: 'email' },
  phone_number: { flag: 'phone_number_verified', kind: 'tel' },
};

/** The template that a text is: exactly one name of a claim in braces. undefined for what is none. */
export function identityTemplate(text: string): IdentityTemplate | undefined {
  const [, before, claim, after] = /^([^{}]*)\{([A-Za-z0-9_:/.-]{1,128})\}([^{}]*)$/.exec(text) ?? [];
  return before === undefined || claim === undefined || after === undefined ? undefined : { before, claim, after };
}

/**
 * The identity that verified claims are. A claim is put in whole, and the outcome must be canonical as it stands: two subjects
 * that differ in case alone must not become one identity. E-mail addresses, which providers write as they like, are canonicalised.
 * Throws `token-refused`.
 */
export function claimedIdentity(
  { before, claim, after }: IdentityTemplate,
  claims: Readonly<Record<string, unknown>>,
  rules: IdentityRules,
): Identity {
  const value = claims[claim];
  ensure(typeof value === 'string', 'token-refused', `the token has no text as its claim ${claim}`);
  const verified = Object.hasOwn(VERIFIED_BY, claim) ? VERIFIED_BY[claim] : undefined;
  const isVerified = verified === undefined || claims[verified.flag] === true;
  ensure(isVerified, 'token-refused', `the provider has not verified the claim ${claim}`);
  const isAlone = before === '' && after === '';
  ensure(isAlone || PART.test(value), 'token-refused', `the claim ${claim} holds characters that it must not hold`);
  const text = before + value + after;
  const identity = canonical(text, rules, claim);
  const isKind = verified === undefined || !isAlone || identity.kind === verified.kind;
  const isSame = claim === 'email' || identity.text === text;
  ensure(isKind && isSame, 'token-refused', `the claim ${claim} is not an identity in canonical form`);
  return identity;
}

function canonical(text: string, rules: IdentityRules, claim: string): Identity {
  try {
    return canonicalIdentity(text, rules);
  } catch (error) {
    if (!isGlasskeyError(error, 'invalid-identity')) throw error;
    ensure(false, 'token-refused', `the claim ${claim} makes no identity`);
  }
}
