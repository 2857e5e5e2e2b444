import { verifySpkiSignature } from '../ca/verify-signature.ts';
import { sha256 } from '../core/crypto/sha256.ts';
import { equalBytes, formatHex } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import type { BoundCertificate, VerifiedBinding } from './binding/binding.ts';
import type { ClientKey } from './client-key.ts';
import type { KeyDirectory, VerifiedVersion } from './key-directory.ts';

/** The parts of a directory that find the keys behind a name. */
export type KeyFinder = Pick<KeyDirectory, 'lookup' | 'lookupVersion'>;

/** A name at one version, as somebody signs it: those who look the name up can tell whether they see the same. */
export interface NamedVersion {
  /** Canonical. */
  readonly identity: string;
  readonly version: number;
  /** The version's commitment in the log, 32 bytes. */
  readonly commitment: Uint8Array;
}

/** A claim that a device of a name signed something. Untrusted until {@link verifyCertified} has judged it. */
export interface CertifiedClaim extends NamedVersion {
  /** SHA-256 of the device's SubjectPublicKeyInfo, 32 bytes. */
  readonly keySha256: Uint8Array;
}

/** A verified signature of a device. */
export interface CertifiedSignature {
  /** The certificate of the device in the version that it signed for. It may have expired since. */
  readonly certificate: BoundCertificate;
  /** True if the newest record of the name still has a valid certificate of the device's key. */
  readonly isCurrent: boolean;
  /** The newest version of the name. Show its `alerts` and `change` to the user as after any lookup. */
  readonly binding: VerifiedBinding;
}

/** Returns the claim that `key` makes for a version of its name. */
export function claimOf(key: ClientKey, { identity, version, commitment }: NamedVersion): CertifiedClaim {
  return { identity, version, commitment, keySha256: sha256(key.spki) };
}

/**
 * Verifies that a device of a name signed `message`: the record of the claimed version certifies its key. A program
 * gives each purpose a message context of its own. Throws `identity-not-found`, `certificate-not-in-record`,
 * `bad-signature`, `unexpected-version` if the signer saw another value of the version than the log shows here,
 * `too-far-behind` if the log does not show the version here yet, and what a lookup throws.
 */
export async function verifyCertified(
  directory: KeyFinder,
  claim: CertifiedClaim,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<CertifiedSignature> {
  const { binding, named } = await readNamedVersion(directory, claim);
  const name = formatHex(claim.keySha256);
  const isSigner = ({ spkiSha256 }: BoundCertificate): boolean => spkiSha256 === name;
  const certificate = [...named.certificates, ...named.expired].find(isSigner);
  const missing = `no key ${name.slice(0, 16)}… in version ${named.version} of ${binding.identity}`;
  ensure(certificate !== undefined, 'certificate-not-in-record', missing);
  // The signature comes first: anybody can claim a commitment, and only its signer can show that he saw it.
  await verifySpkiSignature(certificate.spki, message, signature);
  assertSameVersion(named, claim);
  return { certificate, isCurrent: binding.certificates.some(isSigner), binding };
}

/** A version that somebody named, as the log shows it here. */
export interface ShownVersion {
  /** The newest version of the name. */
  readonly binding: VerifiedBinding;
  /** The named version. Its commitment may be another one: see {@link assertSameVersion}. */
  readonly named: VerifiedBinding | VerifiedVersion;
}

/**
 * Looks up a version that somebody named; untrusted. Throws `identity-not-found`, `too-far-behind` if the log does not
 * show the version here yet, and what a lookup throws.
 */
export async function readNamedVersion(
  directory: KeyFinder,
  { identity, version }: Pick<NamedVersion, 'identity' | 'version'>,
): Promise<ShownVersion> {
  const found = await directory.lookup(identity);
  if (!found.found) throw new GlasskeyError('identity-not-found', `${found.identity} has no keys in the log`);
  const { binding } = found;
  const late = `the log does not show version ${version} of ${binding.identity} here yet: ask again, and compare heads`;
  ensure(version <= binding.version, 'too-far-behind', late);
  const named = version === binding.version ? binding : await directory.lookupVersion(identity, version);
  return { binding, named };
}

/** Throws `unexpected-version` if somebody saw another value of a version than the log shows here. */
export function assertSameVersion(
  { identity, version, commitment }: NamedVersion,
  claimed: Pick<NamedVersion, 'commitment'>,
): void {
  const differs = `somebody saw another version ${version} of ${identity} than the log shows here: compare heads`;
  ensure(equalBytes(commitment, claimed.commitment), 'unexpected-version', differs);
}
