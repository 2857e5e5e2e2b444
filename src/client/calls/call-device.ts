import { sha256 } from '../../core/crypto/sha256.ts';
import { ensure } from '../../core/errors.ts';
import { platformRandom } from '../platform.ts';
import { CALL_OFFER, callSignedBytes, type OfferBody, parseCallMessage } from './call-messages.ts';
import { type CallUser, labelVersionOf, readCallName, readOwnName } from './call-user.ts';
import { type IncomingCall, verifyOffer } from './incoming-call.ts';
import { SeenCalls } from './seen-calls.ts';
import { type StartedCall, startedCall } from './started-call.ts';

/**
 * Calls between two people over any signalling server (docs/calls.md): both sides sign who they are and which
 * certificates they use in DTLS. Keep one object for as long as the program runs: it remembers which calls have rung.
 */
export class CallDevice {
  readonly #user: CallUser;
  readonly #seen = new SeenCalls();

  constructor(user: CallUser) {
    this.#user = user;
  }

  /**
   * Starts a call, with the fingerprints of the own session description: SHA-256 of each certificate that this device
   * may use in DTLS, 1 to 4 (`sdpFingerprints` reads them). Throws `identity-not-found`; `no-such-certificate` if
   * nobody could answer; `certificate-not-in-record` if the log does not have this device's key; and, if the keys of
   * either name have changed so that the user has to look first, the code for that.
   */
  async start(name: string, fingerprints: readonly Uint8Array[]): Promise<StartedCall> {
    const { directory, key } = this.#user;
    const own = await readOwnName(this.#user);
    const callee = await readCallName(directory, name);
    ensure(callee.certificates.length > 0, 'no-such-certificate', `${callee.identity} has no valid keys`);
    const offer: OfferBody = {
      origin: directory.trust.bundle.origin,
      callId: platformRandom(32),
      timeMs: this.#now(),
      caller: labelVersionOf(directory, own),
      callerKey: sha256(key.spki),
      callee: labelVersionOf(directory, callee),
      fingerprints,
    };
    const signature = await key.sign(callSignedBytes(CALL_OFFER, offer));
    return startedCall(this.#user, { offer, signature, callee });
  }

  /**
   * Takes an offer (untrusted) that the signalling server delivered, once. Throws `malformed-encoding`; `call-mismatch`
   * for an offer of another time, one that has rung before, and one to another name or of this device;
   * `unexpected-version` if the two sides see different keys of each other; `too-far-behind`, `bad-signature`,
   * `certificate-not-in-record`, and what a lookup throws; `overloaded` for more than 32 offers of one caller within
   * two minutes.
   */
  async receive(offer: string): Promise<IncomingCall> {
    const { body, signature } = parseCallMessage(CALL_OFFER, offer);
    this.#seen.assertNew(body, this.#now());
    const incoming = await verifyOffer(this.#user, body, signature);
    this.#seen.take(body, this.#now());
    return incoming;
  }

  #now(): number {
    return (this.#user.now ?? Date.now)();
  }
}
