import { sha256 } from '../../core/crypto/sha256.ts';
import { concatBytes, encodeUtf8, equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { CallPeer } from './call-user.ts';
import { assertSignedFingerprints, verifySdp } from './sdp-fingerprints.ts';

/** The side of a call that this device is. */
export type CallRole = 'caller' | 'callee';

/** The facts of a call that both sides have signed. */
export interface CallFacts {
  readonly role: CallRole;
  /** 32 bytes. */
  readonly callId: Uint8Array;
  readonly peer: CallPeer;
  /** SHA-256 of each certificate that the other side may use in DTLS. */
  readonly peerFingerprints: readonly Uint8Array[];
  /** Hash of the answer, and through it of the offer: all that both sides have signed. */
  readonly transcript: Uint8Array;
}

const CONTEXT = encodeUtf8('glasskey call channel v1\0');

/**
 * A call whose two sides have signed each other's names, versions and fingerprints. Hold every session description and
 * the connection's certificate to it. Exchange `channelProof` within the connection before media is played.
 */
export interface VerifiedCall {
  readonly role: CallRole;
  /** 32 bytes, the same on both sides. */
  readonly callId: Uint8Array;
  /** The other side, by its name and device. */
  readonly peer: CallPeer;
  /**
   * The 32 bytes to send to the other side within the DTLS connection, such as by a data channel. They name this call,
   * so that nobody connects two calls to one (RFC 8844 §3). They are no secret.
   */
  readonly channelProof: Uint8Array;
  /**
   * Returns a session description of the other side (untrusted) if every fingerprint in it is signed: the one to give
   * to `setRemoteDescription`, at the beginning and at every later negotiation. Throws `call-mismatch`,
   * `malformed-encoding`.
   */
  verifySdp(sdp: string): string;
  /**
   * Checks the certificate (DER) that the other side used in DTLS: the first of `getRemoteCertificates()`. Throws
   * `call-mismatch`.
   */
  assertCertificate(der: Uint8Array): void;
  /** Checks the other side's proof, which came within the DTLS connection. Throws `call-mismatch`. */
  assertChannelProof(received: Uint8Array): void;
}

/** Makes the call of facts whose signatures hold. */
export function verifiedCall({ role, callId, peer, peerFingerprints, transcript }: CallFacts): VerifiedCall {
  const expected = proofOf(role === 'caller' ? 'callee' : 'caller', transcript);
  return {
    role,
    callId,
    peer,
    channelProof: proofOf(role, transcript),
    verifySdp: (sdp) => verifySdp(sdp, peerFingerprints),
    assertCertificate: (der) => assertSignedFingerprints([sha256(der)], peerFingerprints),
    assertChannelProof: (received) => {
      const isSame = equalBytes(received, expected);
      ensure(isSame, 'call-mismatch', 'the connection leads to somebody who is in another call');
    },
  };
}

function proofOf(role: CallRole, transcript: Uint8Array): Uint8Array {
  return sha256(concatBytes(CONTEXT, Uint8Array.of(role === 'caller' ? 1 : 2), transcript));
}
