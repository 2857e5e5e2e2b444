import type { Credential } from 'ts-mls';
import { parseCertificate } from '../../ca/certificate.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import { assertNames, judgeCertificate } from '../binding/binding.ts';

/** A leaf certificate and two more. The chain that counts is that of the trust bundle. */
const MAX_CREDENTIAL_CERTIFICATES = 3;
/** All certificates of one credential. Two of ours have less than 2,000 bytes. */
const MAX_CREDENTIAL_BYTES = 16_384;

/** A credential and the signature key beside it, as a leaf, KeyPackage or hook of ts-mls has them. Untrusted. */
export interface MemberClaim {
  readonly credential: Credential;
  /** As MLS writes it (RFC 9420 §5.1.1): 32 bytes for Ed25519, an uncompressed point for ECDSA. */
  readonly signatureKey: Uint8Array;
}

/** An X.509 credential that was read. Nothing says yet that the log has its certificate. */
export interface ReadCredential {
  /** Canonical. */
  readonly identity: string;
  /** Serial number of the leaf certificate, lower-case hex. */
  readonly serial: string;
  /** The leaf certificate. */
  readonly der: Uint8Array;
}

/**
 * Reads an untrusted credential (RFC 9420 §5.3): its type is x509, its leaf certificate names one identity and nothing
 * else, and the certified key is the signature key. At most 3 certificates and 16,384 bytes. `identify` returns a
 * canonical identity. Throws `bad-certificate`.
 */
export function readCredential(
  { credential, signatureKey }: MemberClaim,
  identify: (text: string) => Identity,
): Promise<ReadCredential> {
  return judgeCertificate(() => {
    const parsed = parseCertificate(leafCertificate(credential));
    const { email, smtpUtf8, uri } = parsed.sans;
    const [name, ...more] = [...email, ...smtpUtf8, ...uri];
    ensure(name !== undefined && more.length === 0, 'bad-certificate', 'it does not name one identity');
    const identity = identify(name);
    assertNames(parsed, identity);
    const isOwnKey = parsed.keyType !== 'rsa' && equalBytes(parsed.publicKey.keyBits, signatureKey);
    ensure(isOwnKey, 'bad-certificate', `the certificate of ${identity.text} is for another key than the leaf's`);
    return { identity: identity.text, serial: parsed.serial, der: parsed.der };
  });
}

/** Returns the leaf certificate of a credential. Throws `bad-certificate`. */
export function leafCertificate(credential: Credential): Uint8Array {
  const { credentialType } = credential;
  ensure(credentialType === 'x509', 'bad-certificate', `a credential of type ${credentialType}: only x509 is accepted`);
  const { certificates } = credential;
  const [leaf] = certificates;
  const isCounted = leaf !== undefined && certificates.length <= MAX_CREDENTIAL_CERTIFICATES;
  ensure(isCounted, 'bad-certificate', `a credential of ${certificates.length} certificates`);
  const bytes = certificates.reduce((sum, { length }) => sum + length, 0);
  ensure(bytes <= MAX_CREDENTIAL_BYTES, 'bad-certificate', `a credential of ${bytes} bytes`);
  return leaf;
}
