import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { parseCertificate, type ParsedCertificate } from './certificate.ts';
import { assertConstraintsHold } from './issuer-constraints.ts';
import { ExtensionOid } from './der/oids.ts';
import { verifySignature } from './verify-signature.ts';

/** What {@link verifyChain} takes. */
export interface ChainOptions {
  /** The leaf, DER. Untrusted. */
  readonly certificate: Uint8Array;
  /** CA certificates that may stand between the leaf and a root, DER, in any order. Untrusted. At most 16. */
  readonly intermediates: readonly Uint8Array[];
  /** The roots that the caller trusts, DER. */
  readonly roots: readonly Uint8Array[];
  /** The time at which the chain must be valid, ms since the epoch. */
  readonly atMs: number;
  /** A purpose that leaf and issuers must allow, as an object identifier; by default none is asked for. */
  readonly purpose?: string;
}

/** A chain that holds, leaf first, root last. */
export interface VerifiedChain {
  readonly leaf: ParsedCertificate;
  readonly path: readonly ParsedCertificate[];
}

/** The longest path that is tried: leaf, three CAs, root. */
const MAX_PATH = 5;
const MAX_INTERMEDIATES = 16;

/**
 * Verifies that a leaf certificate chains to a trusted root at a time (RFC 5280 §6.1 for what Glasskey issues): names,
 * key identifiers, signatures, validity, basicConstraints, path lengths, keyUsage, purposes, and no critical extension
 * that is not understood. Of name constraints, those of mail addresses and URIs are processed; policies are not: critical
 * ones are refused. Throws `untrusted-issuer` where no path leads to a root, `certificate-expired` outside the validity of any certificate of the
 * path, `bad-certificate`, `weak-key`.
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
  for (const [depth, certificate] of path.entries()) {
    assertUsable(certificate, options);
    if (depth === 0) continue;
    assertIssuing(certificate, depth - 1);
    assertConstraintsHold(certificate, leaf);
  }
  return { leaf, path };
}

/** The certificate among `candidates` that signed `subject`. */
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
  ensure(!isConstrained, 'bad-certificate', 'name constraints in a certificate that is no CA');
  ensure(!isCa, 'bad-certificate', 'a CA certificate where a leaf belongs');
  ensure(
    keyUsage === undefined || !keyUsage.has('keyCertSign'),
    'bad-certificate',
    'a leaf that may sign certificates',
  );
}

/** What must hold of every certificate of the path, whatever its place. */
function assertUsable(certificate: ParsedCertificate, { atMs, purpose }: ChainOptions): void {
  const { serial, unknownCritical, notBeforeMs, notAfterMs, extendedKeyUsage } = certificate;
  const unknown = unknownCritical.find((oid) => oid !== ExtensionOid.nameConstraints);
  ensure(unknown === undefined, 'bad-certificate', `critical extension ${unknown} is not understood`);
  const valid = atMs >= notBeforeMs && atMs < notAfterMs + 1000;
  ensure(valid, 'certificate-expired', `certificate ${serial} is not valid at ${new Date(atMs).toISOString()}`);
  if (purpose === undefined || extendedKeyUsage === undefined) return;
  ensure(extendedKeyUsage.includes(purpose), 'bad-certificate', `certificate ${serial} is not for purpose ${purpose}`);
}

/** What must hold of an issuer with `casBelow` CA certificates between it and the leaf. */
function assertIssuing(issuer: ParsedCertificate, casBelow: number): void {
  const { serial, pathLength, keyUsage } = issuer;
  ensure(issuer.isCa, 'bad-certificate', `certificate ${serial} is not a CA's`);
  ensure(issuer.basicConstraintsCritical, 'bad-certificate', `basicConstraints of ${serial} are not critical`);
  ensure(keyUsage?.has('keyCertSign') === true, 'bad-certificate', `certificate ${serial} may not sign certificates`);
  ensure(pathLength === undefined || casBelow <= pathLength, 'bad-certificate', `too many CAs below ${serial}`);
}
