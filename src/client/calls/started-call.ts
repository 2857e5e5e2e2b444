import { compareBytes, equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import {
  CALL_ANSWER,
  CALL_CONFIRM,
  CALL_OFFER,
  callMessageHash,
  callSignedBytes,
  formatCallMessage,
  type OfferBody,
  parseCallMessage,
} from './call-messages.ts';
import { type CallPeer, type CallUser, verifyPeer } from './call-user.ts';
import type { IncomingCall } from './incoming-call.ts';
import { CALL_LIFETIME_MS } from './seen-calls.ts';
import { VerifiedCall } from './verified-call.ts';

/** An accepted answer. */
export interface AcceptedAnswer {
  readonly call: VerifiedCall;
  /** The message to send to the device that answered. */
  readonly confirm: string;
}

/** A call that this device has offered, until somebody answers. */
export class StartedCall {
  /** The message to send to every device of the callee. */
  readonly message: string;
  readonly #user: CallUser;
  readonly #offer: OfferBody;
  readonly #callee: string;
  #isAnswered = false;

  constructor(user: CallUser, offer: OfferBody, callee: string, signature: Uint8Array) {
    this.#user = user;
    this.#offer = offer;
    this.#callee = callee;
    this.message = formatCallMessage(CALL_OFFER, { body: offer, signature });
  }

  /**
   * Takes the first valid answer (untrusted) of a device of the callee; one that fails changes nothing. Throws
   * `malformed-encoding`; `call-mismatch` for an answer to another call, after another device's answer, or more than
   * two minutes after the offer; and as {@link verifyPeer} does.
   */
  async accept(answer: string): Promise<AcceptedAnswer> {
    const { body, signature } = parseCallMessage(CALL_ANSWER, answer);
    const { origin, callId, callee } = this.#offer;
    const isOurs = body.origin === origin && equalBytes(body.offerSha256, callMessageHash(CALL_OFFER, this.#offer));
    ensure(isOurs, 'call-mismatch', 'the answer to another call');
    this.#assertWaiting();
    const message = callSignedBytes(CALL_ANSWER, body);
    const claim = { claimed: callee, keySha256: body.calleeKey, message, signature };
    const peer = await verifyPeer(this.#user.directory, claim);
    const transcript = callMessageHash(CALL_ANSWER, body);
    const confirmed = { origin, answerSha256: transcript };
    const confirmSignature = await this.#user.key.sign(callSignedBytes(CALL_CONFIRM, confirmed));
    this.#assertWaiting();
    this.#isAnswered = true;
    const call = new VerifiedCall({ role: 'caller', callId, peer, peerFingerprints: body.fingerprints, transcript });
    return { call, confirm: formatCallMessage(CALL_CONFIRM, { body: confirmed, signature: confirmSignature }) };
  }

  /**
   * Returns true if both sides have called each other at the same time, and this call is the one to give up. The other
   * side decides alike.
   */
  yieldsTo(incoming: IncomingCall): boolean {
    const { caller, callId }: { readonly caller: CallPeer; readonly callId: Uint8Array } = incoming;
    return caller.identity === this.#callee && compareBytes(callId, this.#offer.callId) < 0;
  }

  #assertWaiting(): void {
    ensure(!this.#isAnswered, 'call-mismatch', 'another device has answered this call');
    const nowMs = (this.#user.now ?? Date.now)();
    ensure(nowMs < this.#offer.timeMs + CALL_LIFETIME_MS, 'call-mismatch', 'the answer came too late');
  }
}
