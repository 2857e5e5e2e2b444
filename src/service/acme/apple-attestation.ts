import { createHash } from 'node:crypto';
import { type TrustAnchors, validatePath } from '../../ca/path/index.ts';
import { encodeUtf8, equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';

/** Extensions of an Apple attestation certificate. Their values are bare bytes, not DER. */
const SERIAL_NUMBER = '1.2.840.113635.100.8.9.1';
const FRESHNESS = '1.2.840.113635.100.8.11.1';

/** Most CAs between the leaf and a root. */
const MAX_DEPTH = 2;

/** The values that an attestation has to show. */
export interface AttestedFacts {
  /** The roots that may attest. */
  readonly roots: TrustAnchors;
  /** Time at which the chain must be valid, ms since the epoch. */
  readonly nowMs: number;
  /** The token of the challenge. */
  readonly token: string;
  /** The serial number of the device: ASCII. */
  readonly serialNumber: string;
}

/**
 * Verifies an Apple Managed Device Attestation, and returns the SHA-256 of the SubjectPublicKeyInfo of the key that it
 * attests. `certificates` are untrusted, leaf first. The chain must end at one of the roots (RFC 5280 §6.1). The leaf
 * must name the device and hold the SHA-256 of the token: Apple signs before the device has an account key, so the
 * thumbprint of that key is not in it (draft-ietf-acme-device-attest-09 §5). A leaf that is a CA or has an extension
 * twice is refused.
 *
 * Throws `untrusted-issuer`, `certificate-expired`, `bad-certificate`, `weak-key`, and `attestation-refused` for
 * another device or token.
 */
export async function verifyAppleAttestation(
  [leaf, ...intermediates]: readonly [Uint8Array, ...Uint8Array[]],
  { roots, nowMs, token, serialNumber }: AttestedFacts,
): Promise<Uint8Array> {
  const { path } = await validatePath({
    // Attestation CAs follow no rule of the Web PKI: such a leaf need not name its issuer's key.
    profile: 'rfc5280',
    acceptsCa: false,
    anchorConstraints: true,
    leaf,
    intermediates,
    anchors: roots,
    atMs: nowMs,
    maxDepth: MAX_DEPTH,
  });
  const contents = path[0]?.contents;
  ensure(contents !== undefined, 'internal', 'a path without a leaf');
  const has = (oid: string, value: Uint8Array): boolean => {
    const extension = contents.rawExtensions.find((one) => one.oid === oid);
    return extension !== undefined && equalBytes(extension.value, value);
  };
  const freshness = new Uint8Array(createHash('sha256').update(token).digest());
  ensure(has(FRESHNESS, freshness), 'attestation-refused', 'the attestation is not for the token of this challenge');
  const isDevice = has(SERIAL_NUMBER, encodeUtf8(serialNumber));
  ensure(isDevice, 'attestation-refused', 'the attestation is not of the device with this serial number');
  return contents.spkiSha256;
}
