import { compareBytes, equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { VerifiedBinding } from '../binding/binding.ts';
import {
  type AnswerBody,
  CALL_ANSWER,
  CALL_CONFIRM,
  CALL_OFFER,
  type CallMessage,
  callMessageHash,
  callSignedBytes,
  type ConfirmBody,
  formatCallMessage,
  type OfferBody,
  parseCallMessage,
} from './call-messages.ts';
import { type CallPeer, type CallUser, verifyPeer } from './call-user.ts';
import type { IncomingCall } from './incoming-call.ts';
import { CALL_LIFETIME_MS } from './seen-calls.ts';
import { type VerifiedCall, verifiedCall } from './verified-call.ts';

/** An accepted answer. */
export interface AcceptedAnswer {
  readonly call: VerifiedCall;
  /** The message to send to the device that answered. */
  readonly confirm: string;
}

/** A call that this device has offered, until somebody answers. */
export interface StartedCall {
  /** The callee as the log shows it. Show its `change.firstLook`: nobody judged the versions that are `unjudged`. */
  readonly callee: VerifiedBinding;
  /** The message to send to every device of the callee. */
  readonly message: string;
  /**
   * Takes the first valid answer (untrusted) of a device of the callee; one that fails changes nothing. Throws
   * `malformed-encoding`; `call-mismatch` for an answer to another call, after another device's answer, or more than
   * two minutes after the offer; and as {@link verifyPeer} does.
   */
  accept(answer: string): Promise<AcceptedAnswer>;
  /**
   * Returns true if both sides have called each other at the same time, and this call is the one to give up. The other
   * side decides alike.
   */
  yieldsTo(incoming: IncomingCall): boolean;
}

/** The offer that a device made and signed, and the name of the callee. */
export interface MadeOffer {
  readonly offer: OfferBody;
  readonly signature: Uint8Array;
  readonly callee: VerifiedBinding;
}

/** Begins to wait for answers to an offer of this user. */
export function startedCall(user: CallUser, { offer, signature, callee }: MadeOffer): StartedCall {
  let isAnswered = false;
  const assertWaiting = (): void => {
    ensure(!isAnswered, 'call-mismatch', 'another device has answered this call');
    const isLate = (user.now ?? Date.now)() >= offer.timeMs + CALL_LIFETIME_MS;
    ensure(!isLate, 'call-mismatch', 'the answer came too late');
  };
  return {
    callee,
    message: formatCallMessage(CALL_OFFER, { body: offer, signature }),
    yieldsTo: ({ caller, callId }) => caller.identity === callee.identity && compareBytes(callId, offer.callId) < 0,
    accept: async (answer) => {
      const message = parseCallMessage(CALL_ANSWER, answer);
      assertWaiting();
      const peer = await verifyAnswer(user, offer, message);
      const transcript = callMessageHash(CALL_ANSWER, message.body);
      const confirm = await confirmOf(user, { origin: offer.origin, answerSha256: transcript });
      assertWaiting();
      isAnswered = true;
      const { callId } = offer;
      const peerFingerprints = message.body.fingerprints;
      return { call: verifiedCall({ role: 'caller', callId, peer, peerFingerprints, transcript }), confirm };
    },
  };
}

async function verifyAnswer(user: CallUser, offer: OfferBody, answer: CallMessage<AnswerBody>): Promise<CallPeer> {
  const { body, signature } = answer;
  const isOurs = body.origin === offer.origin && equalBytes(body.offerSha256, callMessageHash(CALL_OFFER, offer));
  ensure(isOurs, 'call-mismatch', 'the answer to another call');
  const message = callSignedBytes(CALL_ANSWER, body);
  return verifyPeer(user.directory, { claimed: offer.callee, keySha256: body.calleeKey, message, signature });
}

async function confirmOf({ key }: CallUser, body: ConfirmBody): Promise<string> {
  const signature = await key.sign(callSignedBytes(CALL_CONFIRM, body));
  return formatCallMessage(CALL_CONFIRM, { body, signature });
}
