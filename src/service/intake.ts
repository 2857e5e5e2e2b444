import { decodeCsrPem, type ParsedCsr } from '../ca/csr/csr.ts';
import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../core/errors.ts';
import { canonicalIdentity } from '../identity/canonical-identity.ts';
import type { Identity, IdentityRules } from '../identity/identity.ts';
import type { CsrParser } from './threads/threaded-csr-parser.ts';

/** The part of an open log that the first steps of a request need. */
export interface IntakeContext {
  readonly parseCsr: CsrParser;
  readonly identityRules: IdentityRules;
}

/** Most bytes of a CSR as DER. One with an RSA-8192 key has less than 3 KB. */
const MAX_CSR_BYTES = 12 * 1024;

/** Step `parse`: returns the DER of the untrusted CSR. Throws `bad-csr`. */
export function parse(order: { readonly csr: string | Uint8Array }): Uint8Array {
  const der = typeof order.csr === 'string' ? decodeCsrPem(order.csr) : order.csr;
  ensure(der.length <= MAX_CSR_BYTES, 'bad-csr', `a request has at most ${MAX_CSR_BYTES} bytes`);
  return der;
}

/** Step `canonicalise`: returns the identity that an untrusted text names. Throws `invalid-identity`. */
export function canonicalise(text: string, rules: IdentityRules): Identity {
  return canonicalIdentity(text, rules);
}

/**
 * Step `proofOfPossession`: checks that the untrusted CSR is signed by its own key and asks for this identity alone.
 * Otherwise a captured CSR could bind Alice's key to Mallory. Throws `bad-csr`, `weak-key`, `bad-proof-of-possession`,
 * `csr-identity-mismatch`.
 */
export async function proofOfPossession(
  { parseCsr, identityRules: rules }: IntakeContext,
  csr: Uint8Array,
  identity: Identity,
): Promise<ParsedCsr> {
  const parsed = await parseCsr(csr);
  const { sans, subject } = parsed;
  const names = [...sans.email, ...sans.smtpUtf8, ...sans.uri];
  ensure(names.length > 0, 'csr-identity-mismatch', 'the subjectAltName of the request does not name the identity');
  const isOnly = !sans.other && [...names, ...subject.emailAddresses].every((name) => isName(name, identity, rules));
  ensure(isOnly, 'csr-identity-mismatch', 'the request asks for another name');
  for (const name of subject.commonNames) {
    const other = nameOf(name, rules);
    const same = other === undefined || equalBytes(other.label, identity.label);
    ensure(same, 'csr-identity-mismatch', 'the common name of the request is another identity');
  }
  return parsed;
}

function isName(name: string, identity: Identity, rules: IdentityRules): boolean {
  if (name === identity.san.value) return true;
  const found = nameOf(name, rules);
  return found !== undefined && equalBytes(found.label, identity.label);
}

/** Returns the identity that a name in a CSR spells; undefined for other names, such as a person's common name. */
function nameOf(name: string, rules: IdentityRules): Identity | undefined {
  try {
    return canonicalIdentity(name, rules);
  } catch (error) {
    if (isGlasskeyError(error, 'invalid-identity')) return undefined;
    throw error;
  }
}
