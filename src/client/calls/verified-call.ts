import { sha256 } from '../../core/crypto/sha256.ts';
import { concatBytes, encodeUtf8, equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { CallPeer } from './call-user.ts';
import { assertSignedFingerprints, sdpFingerprints } from './sdp-fingerprints.ts';

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
 * the connection's certificate to it. Exchange {@link channelProof} within the connection before media is played.
 */
export class VerifiedCall {
  readonly role: CallRole;
  /** 32 bytes, the same on both sides. */
  readonly callId: Uint8Array;
  /** The other side, by its name and device. */
  readonly peer: CallPeer;
  readonly #fingerprints: readonly Uint8Array[];
  readonly #transcript: Uint8Array;

  constructor({ role, callId, peer, peerFingerprints, transcript }: CallFacts) {
    this.role = role;
    this.callId = callId;
    this.peer = peer;
    this.#fingerprints = peerFingerprints;
    this.#transcript = transcript;
  }

  /**
   * Returns a session description of the other side (untrusted) if every fingerprint in it is signed: the one to give
   * to `setRemoteDescription`, at the beginning and at every later negotiation. Throws `call-mismatch`,
   * `malformed-encoding`.
   */
  verifySdp(sdp: string): string {
    assertSignedFingerprints(sdpFingerprints(sdp), this.#fingerprints);
    return sdp;
  }

  /**
   * Checks the certificate (DER) that the other side used in DTLS: the first of `getRemoteCertificates()`. Throws
   * `call-mismatch`.
   */
  assertCertificate(der: Uint8Array): void {
    assertSignedFingerprints([sha256(der)], this.#fingerprints);
  }

  /**
   * The 32 bytes to send to the other side within the DTLS connection, such as by a data channel. They name this call,
   * so that nobody connects two calls to one (RFC 8844 §3). They are no secret.
   */
  get channelProof(): Uint8Array {
    return proofOf(this.role, this.#transcript);
  }

  /** Checks the other side's {@link channelProof}, which came within the DTLS connection. Throws `call-mismatch`. */
  assertChannelProof(received: Uint8Array): void {
    const expected = proofOf(this.role === 'caller' ? 'callee' : 'caller', this.#transcript);
    const isSame = equalBytes(received, expected);
    ensure(isSame, 'call-mismatch', 'the connection leads to somebody who is in another call');
  }
}

function proofOf(role: CallRole, transcript: Uint8Array): Uint8Array {
  return sha256(concatBytes(CONTEXT, Uint8Array.of(role === 'caller' ? 1 : 2), transcript));
}
