import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { platformRandom } from '../platform.ts';
import {
  type AnswerBody,
  CALL_ANSWER,
  CALL_CONFIRM,
  CALL_OFFER,
  callMessageHash,
  callSignedBytes,
  formatCallMessage,
  type OfferBody,
  parseCallMessage,
} from './call-messages.ts';
import { type CallPeer, type CallUser, type PeerClaim, readOwnName, verifyPeer } from './call-user.ts';
import { assertSignedFingerprints, sdpFingerprints } from './sdp-fingerprints.ts';
import { CALL_LIFETIME_MS } from './seen-calls.ts';
import { VerifiedCall } from './verified-call.ts';

/** A verified offer: the phone may ring, and say who calls. */
export class IncomingCall {
  /** The caller, by name and device. */
  readonly caller: CallPeer;
  /** 32 bytes. */
  readonly callId: Uint8Array;
  readonly #user: CallUser;
  readonly #offer: OfferBody;
  #isAnswered = false;

  constructor(user: CallUser, offer: OfferBody, caller: CallPeer) {
    this.#user = user;
    this.#offer = offer;
    this.caller = caller;
    this.callId = offer.callId;
  }

  /**
   * Returns the caller's session description (untrusted) if every fingerprint in it is signed: the one to give to
   * `setRemoteDescription` before the answer is made. Throws `call-mismatch`, `malformed-encoding`.
   */
  verifySdp(sdp: string): string {
    assertSignedFingerprints(sdpFingerprints(sdp), this.#offer.fingerprints);
    return sdp;
  }

  /**
   * Answers once, with the fingerprints of the own session description: SHA-256 of each certificate that this device
   * may use in DTLS, 1 to 4. Throws `usage` the second time; `call-mismatch` more than two minutes after the offer.
   */
  async answer(fingerprints: readonly Uint8Array[]): Promise<AnsweredCall> {
    ensure(!this.#isAnswered, 'usage', 'this call was answered before');
    const { origin, timeMs } = this.#offer;
    const isLate = (this.#user.now ?? Date.now)() >= timeMs + CALL_LIFETIME_MS;
    ensure(!isLate, 'call-mismatch', 'the call has rung for too long');
    const { key } = this.#user;
    const body: AnswerBody = {
      origin,
      offerSha256: callMessageHash(CALL_OFFER, this.#offer),
      nonce: platformRandom(32),
      calleeKey: sha256(key.spki),
      fingerprints,
    };
    const message = callSignedBytes(CALL_ANSWER, body);
    this.#isAnswered = true;
    return new AnsweredCall(this.#user, this.#offer, body, await key.sign(message));
  }
}

/** A call that this device has answered, until the caller confirms that it takes this answer. */
export class AnsweredCall {
  /** The message to send to the caller. */
  readonly message: string;
  readonly #user: CallUser;
  readonly #offer: OfferBody;
  readonly #answer: AnswerBody;

  constructor(user: CallUser, offer: OfferBody, answer: AnswerBody, signature: Uint8Array) {
    this.#user = user;
    this.#offer = offer;
    this.#answer = answer;
    this.message = formatCallMessage(CALL_ANSWER, { body: answer, signature });
  }

  /**
   * Takes the caller's confirmation (untrusted): the caller is there now, and talks to this device. Throws
   * `malformed-encoding`, `call-mismatch` for a confirmation of another answer, and as {@link verifyPeer} does.
   */
  async confirmed(confirm: string): Promise<VerifiedCall> {
    const { body, signature } = parseCallMessage(CALL_CONFIRM, confirm);
    const transcript = callMessageHash(CALL_ANSWER, this.#answer);
    const isOurs = body.origin === this.#offer.origin && equalBytes(body.answerSha256, transcript);
    ensure(isOurs, 'call-mismatch', 'the confirmation of another answer');
    const peer = await verifyPeer(this.#user.directory, {
      claimed: this.#offer.caller,
      keySha256: this.#offer.callerKey,
      message: callSignedBytes(CALL_CONFIRM, body),
      signature,
    });
    const { callId, fingerprints } = this.#offer;
    return new VerifiedCall({ role: 'callee', callId, peer, peerFingerprints: fingerprints, transcript });
  }
}

/**
 * Verifies an offer (untrusted) to this user: the caller signed it, for the version of the user's name that the log
 * shows here. Throws `call-mismatch` for an offer to another name or log, or of this very device; and as {@link
 * readOwnName} and {@link verifyPeer} do.
 */
export async function verifyOffer(user: CallUser, offer: OfferBody, signature: Uint8Array): Promise<IncomingCall> {
  const { directory, key } = user;
  const isHere = offer.origin === directory.trust.bundle.origin;
  const { label } = directory.identity(user.name);
  ensure(isHere && equalBytes(offer.callee.label, label), 'call-mismatch', 'the offer is to another name or log');
  ensure(!equalBytes(offer.callerKey, sha256(key.spki)), 'call-mismatch', 'the offer is one of this device');
  const message = callSignedBytes(CALL_OFFER, offer);
  const claim: PeerClaim = { claimed: offer.caller, keySha256: offer.callerKey, message, signature };
  const caller = await verifyPeer(directory, claim);
  const own = await readOwnName(user);
  const isSame = offer.callee.version === own.version && equalBytes(offer.callee.commitment, own.commitment);
  ensure(isSame, 'unexpected-version', 'the caller sees another version of your name than the log shows here');
  return new IncomingCall(user, offer, caller);
}
