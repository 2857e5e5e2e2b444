import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { platformRandom } from '../platform.ts';
import {
  type AnswerBody,
  CALL_ANSWER,
  CALL_CONFIRM,
  CALL_OFFER,
  type CallMessage,
  callMessageHash,
  callSignedBytes,
  formatCallMessage,
  type OfferBody,
  parseCallMessage,
} from './call-messages.ts';
import { type CallPeer, type CallUser, type PeerClaim, readOwnName, verifyPeer } from './call-user.ts';
import { verifySdp } from './sdp-fingerprints.ts';
import { CALL_LIFETIME_MS } from './seen-calls.ts';
import { type VerifiedCall, verifiedCall } from './verified-call.ts';

/** A verified offer: the phone may ring, and say who calls. */
export interface IncomingCall {
  /** The caller, by name and device. */
  readonly caller: CallPeer;
  /** 32 bytes. */
  readonly callId: Uint8Array;
  /**
   * Returns the caller's session description (untrusted) if every fingerprint in it is signed: the one to give to
   * `setRemoteDescription` before the answer is made. Throws `call-mismatch`, `malformed-encoding`.
   */
  verifySdp(sdp: string): string;
  /**
   * Answers once, with the fingerprints of the own session description: SHA-256 of each certificate that this device
   * may use in DTLS, 1 to 4. Throws `usage` the second time; `value-out-of-range` for other fingerprints;
   * `call-mismatch` more than two minutes after the offer.
   */
  answer(fingerprints: readonly Uint8Array[]): Promise<AnsweredCall>;
}

/** A call that this device has answered, until the caller confirms that it takes this answer. */
export interface AnsweredCall {
  /** The message to send to the caller. */
  readonly message: string;
  /**
   * Takes the caller's confirmation (untrusted), once: the caller is there now, and talks to this device. Throws
   * `malformed-encoding`; `call-mismatch` for a confirmation of another answer, one that was taken before, and one that
   * comes two minutes after the answer; and as {@link verifyPeer} does. One that fails changes nothing.
   */
  confirmed(confirm: string): Promise<VerifiedCall>;
}

function incomingCall(user: CallUser, offer: OfferBody, caller: CallPeer): IncomingCall {
  let isAnswered = false;
  return {
    caller,
    callId: offer.callId,
    verifySdp: (sdp) => verifySdp(sdp, offer.fingerprints),
    answer: async (fingerprints) => {
      ensure(!isAnswered, 'usage', 'this call was answered before');
      const isLate = (user.now ?? Date.now)() >= offer.timeMs + CALL_LIFETIME_MS;
      ensure(!isLate, 'call-mismatch', 'the call has rung for too long');
      const body: AnswerBody = {
        origin: offer.origin,
        offerSha256: callMessageHash(CALL_OFFER, offer),
        nonce: platformRandom(32),
        calleeKey: sha256(user.key.spki),
        fingerprints,
      };
      const message = callSignedBytes(CALL_ANSWER, body);
      isAnswered = true;
      return answeredCall(user, offer, { body, signature: await user.key.sign(message) });
    },
  };
}

function answeredCall(user: CallUser, offer: OfferBody, answer: CallMessage<AnswerBody>): AnsweredCall {
  const transcript = callMessageHash(CALL_ANSWER, answer.body);
  const { callId, caller: claimed, callerKey: keySha256, fingerprints: peerFingerprints } = offer;
  const now = user.now ?? Date.now;
  const untilMs = now() + CALL_LIFETIME_MS;
  let isConfirmed = false;
  const assertWaiting = (): void => {
    ensure(!isConfirmed, 'call-mismatch', 'this answer was confirmed before');
    ensure(now() < untilMs, 'call-mismatch', 'the confirmation came too late');
  };
  return {
    message: formatCallMessage(CALL_ANSWER, answer),
    confirmed: async (confirm) => {
      const { body, signature } = parseCallMessage(CALL_CONFIRM, confirm);
      const isOurs = body.origin === offer.origin && equalBytes(body.answerSha256, transcript);
      ensure(isOurs, 'call-mismatch', 'the confirmation of another answer');
      assertWaiting();
      const message = callSignedBytes(CALL_CONFIRM, body);
      const peer = await verifyPeer(user.directory, { claimed, keySha256, message, signature });
      assertWaiting();
      isConfirmed = true;
      return verifiedCall({ role: 'callee', callId, peer, peerFingerprints, transcript });
    },
  };
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
  return incomingCall(user, offer, caller);
}
