import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { parseCertificate, type ParsedCertificate } from './certificate.ts';
import { assertConstraintsHold } from './issuer-constraints.ts';
import { ExtensionOid } from './der/oids.ts';
import { type Budget, MAX_COMPARISONS } from './path/name-constraints.ts';
import { verifySignature } from './verify-signature.ts';

/** Options of {@link verifyChain}. */
export interface ChainOptions {
  /** The leaf, DER. Untrusted. */
  readonly certificate: Uint8Array;
  /** Possible CA certificates between the leaf and a root, DER, in any order. Untrusted. At most 16. */
  readonly intermediates: readonly Uint8Array[];
  /** The roots that the caller trusts, DER. */
  readonly roots: readonly Uint8Array[];
  /** The time at which the chain must be valid, ms since the epoch. */
  readonly atMs: number;
  /** A purpose, as an object identifier, that the leaf and its issuers must allow. Default: any. */
  readonly purpose?: string;
}

/** A verified chain, leaf first, root last. */
export interface VerifiedChain {
  readonly leaf: ParsedCertificate;
  readonly path: readonly ParsedCertificate[];
}

/** The longest path to try: leaf, three CAs, root. */
const MAX_PATH = 5;
const MAX_INTERMEDIATES = 16;

/**
 * Verifies that a leaf certificate chains to a trusted root at a time (RFC 5280 §6.1 for what Glasskey issues). It
 * checks names, key identifiers, signatures, validity, basicConstraints, path lengths, keyUsage and purposes.
 *
 * It refuses critical extensions that it does not understand. It processes name constraints on mail addresses and URIs,
 * and refuses critical policies. Throws `untrusted-issuer` if no path leads to a root, `certificate-expired` outside
 * the validity of any certificate in the path, `bad-certificate`, `weak-key`.
 */
export async function verifyChain(options: ChainOptions): Promise<VerifiedChain> {
  ensure(options.intermediates.length <= MAX_INTERMEDIATES, 'bad-certificate', 'too many CA certificates');
  const leaf = parseCertificate(options.certificate);
  const roots = options.roots.map((root) => parseCertificate(root));
  const candidates = [...roots, ...options.intermediates.map((one) => parseCertificate(one))];
  assertLeaf(leaf);
  const path = [leaf];
  for (let subject = leaf; ;) {
    const issuer = await findIssuer(subject, candidates, path);
    path.push(issuer);
    if (roots.includes(issuer)) break;
    ensure(path.length < MAX_PATH, 'untrusted-issuer', 'the chain of issuers is too long');
    subject = issuer;
  }
  const budget: Budget = { comparisons: MAX_COMPARISONS };
  for (const [depth, certificate] of path.entries()) {
    assertUsable(certificate, options);
    if (depth === 0) continue;
    assertIssuing(certificate, depth - 1);
    for (const below of path.slice(0, depth)) assertConstraintsHold(certificate, below, budget);
  }
  return { leaf, path };
}

/** Finds the certificate among `candidates` that signed `subject`. */
async function findIssuer(
  subject: ParsedCertificate,
  candidates: readonly ParsedCertificate[],
  path: readonly ParsedCertificate[],
): Promise<ParsedCertificate> {
  for (const candidate of candidates) {
    if (path.includes(candidate) || !mayHaveIssued(candidate, subject)) continue;
    if (await signed(candidate, subject)) return candidate;
  }
  throw new GlasskeyError('untrusted-issuer', `no trusted issuer of certificate ${subject.serial}`);
}

function mayHaveIssued(issuer: ParsedCertificate, subject: ParsedCertificate): boolean {
  if (issuer.subject.empty || !equalBytes(issuer.subject.der, subject.issuer.der)) return false;
  const { authorityKeyId } = subject;
  return authorityKeyId === undefined || issuer.subjectKeyId === undefined
    ? true
    : equalBytes(authorityKeyId, issuer.subjectKeyId);
}

async function signed(issuer: ParsedCertificate, subject: ParsedCertificate): Promise<boolean> {
  try {
    await verifySignature(issuer.publicKey, subject.signatureAlgorithm, subject.tbs, subject.signature);
    return true;
  } catch (error) {
    if (isGlasskeyError(error, 'bad-signature')) return false;
    throw error;
  }
}

function assertLeaf({ isCa, keyUsage, unknownCritical }: ParsedCertificate): void {
  const isConstrained = unknownCritical.includes(ExtensionOid.nameConstraints);
  ensure(!isConstrained, 'bad-certificate', 'a certificate that is not a CA has name constraints');
  ensure(!isCa, 'bad-certificate', 'the leaf is a CA certificate');
  ensure(keyUsage === undefined || !keyUsage.has('keyCertSign'), 'bad-certificate', 'the leaf may sign certificates');
}

/** Checks that hold for every certificate in the path. */
function assertUsable(certificate: ParsedCertificate, { atMs, purpose }: ChainOptions): void {
  const { serial, unknownCritical, notBeforeMs, notAfterMs, extendedKeyUsage } = certificate;
  const unknown = unknownCritical.find((oid) => oid !== ExtensionOid.nameConstraints);
  ensure(unknown === undefined, 'bad-certificate', `critical extension ${unknown} is not understood`);
  const valid = atMs >= notBeforeMs && atMs < notAfterMs + 1000;
  ensure(valid, 'certificate-expired', `certificate ${serial} is not valid at ${new Date(atMs).toISOString()}`);
  if (purpose === undefined || extendedKeyUsage === undefined) return;
  ensure(extendedKeyUsage.includes(purpose), 'bad-certificate', `certificate ${serial} is not for purpose ${purpose}`);
}

/** Checks an issuer with `casBelow` CA certificates between it and the leaf. */
function assertIssuing(issuer: ParsedCertificate, casBelow: number): void {
  const { serial, pathLength, keyUsage } = issuer;
  ensure(issuer.isCa, 'bad-certificate', `certificate ${serial} is not a CA's`);
  ensure(issuer.basicConstraintsCritical, 'bad-certificate', `basicConstraints of ${serial} are not critical`);
  ensure(keyUsage?.has('keyCertSign') === true, 'bad-certificate', `certificate ${serial} may not sign certificates`);
  ensure(pathLength === undefined || casBelow <= pathLength, 'bad-certificate', `too many CAs below ${serial}`);
}
