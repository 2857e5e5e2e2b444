import { equalBytes } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import type { Identity, IdentityRules } from '../../identity/identity.ts';
import { AcmeRefusal, ensureAcme, type IdentifierProblem } from './acme-refusal.ts';

/** Identifier type of e-mail addresses (RFC 8823 §3). */
const EMAIL = 'email';
/** Identifier type of all other names. It is our own: no RFC has one for URIs. */
const URI = 'glasskey-uri';

/** An identifier of an order. Untrusted. */
export interface OrderIdentifier {
  readonly type: string;
  readonly value: string;
}

/**
 * Returns the identity that an order is for. A certificate is for one name, and so is an order. Throws
 * `unsupportedIdentifier`, `rejectedIdentifier`, and for several identifiers a reason for each.
 */
export function orderIdentity(identifiers: readonly OrderIdentifier[], rules: IdentityRules): Identity {
  const [identifier, ...others] = identifiers;
  ensureAcme(identifier !== undefined, 'malformed', 'an order is for one identifier');
  const problems = others.map((one): IdentifierProblem => ({
    type: isSupported(one.type) ? 'rejectedIdentifier' : 'unsupportedIdentifier',
    detail: isSupported(one.type) ? 'a certificate is for one name: make another order for this one' : UNSUPPORTED,
    identifier: one,
  }));
  if (problems.length > 0)
    throw new AcmeRefusal('rejectedIdentifier', 'a certificate is for one name', undefined, problems);
  ensureAcme(isSupported(identifier.type), 'unsupportedIdentifier', UNSUPPORTED);
  const identity = canonicalOf(identifier.value, rules);
  const isOfType = (identifier.type === EMAIL) === (identity.kind === 'email');
  ensureAcme(isOfType, 'rejectedIdentifier', `an address has the type ${EMAIL}, and any other name ${URI}`);
  return identity;
}

/** Returns the identifier of an identity, in its canonical form. */
export function identifierOf(identity: string, rules: IdentityRules): OrderIdentifier {
  const { kind, text } = canonicalIdentity(identity, rules);
  return { type: kind === 'email' ? EMAIL : URI, value: text };
}

/** Returns the one identity in the subjectAltName of a certificate of this log; undefined for any other certificate. */
export function certifiedIdentity(
  { sans }: { readonly sans: { readonly [Kind in 'email' | 'smtpUtf8' | 'uri']: readonly string[] } },
  rules: IdentityRules,
): Identity | undefined {
  const [name, another] = [...sans.email, ...sans.smtpUtf8, ...sans.uri];
  return name === undefined || another !== undefined ? undefined : canonicalOf(name, rules);
}

/** Returns true if an account is for every name, or for this one. */
export function isWithinScope(scoped: Uint8Array | undefined, labelKey: Uint8Array): boolean {
  return scoped === undefined || equalBytes(scoped, labelKey);
}

const UNSUPPORTED = `identifiers have the type ${EMAIL} or ${URI}`;

function isSupported(type: string): boolean {
  return type === EMAIL || type === URI;
}

function canonicalOf(value: string, rules: IdentityRules): Identity {
  try {
    return canonicalIdentity(value, rules);
  } catch (error) {
    if (!isGlasskeyError(error, 'invalid-identity')) throw error;
    throw new AcmeRefusal('rejectedIdentifier', error.message, 'invalid-identity');
  }
}
