import {
  CALL_ANSWER,
  CALL_CONFIRM,
  CALL_OFFER,
  callMessageHash,
  type CallMessageKind,
  callSignedBytes,
  formatCallMessage,
} from '../../../src/client/calls/call-messages.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { concatBytes, encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import type { History, MadeVersion } from './history.ts';
import { type KeyName, KEYS, LABEL, NOW_MS, ORIGIN, seededBytes, spkiHash } from './keys.ts';
import { hex, type Json, type OwnCase, type OwnFile, refused } from './own-file.ts';

const BOB = encodeUtf8('mailto:bob@example.com');

/** What each side sends inside the DTLS connection, written again from the specification. */
function proofOf(role: number, answerHash: Uint8Array): string {
  const context = encodeUtf8('glasskey call channel v1\0');
  return hex(sha256(concatBytes(context, Uint8Array.of(role), answerHash)));
}

/** The three messages of a call's beginning. */
export async function makeCallMessages({ versions }: History): Promise<OwnFile> {
  const { version, commitment } = versions[1] as MadeVersion;
  const bob = { label: BOB, version: 0, commitment: seededBytes('commitment of Bob', 32) };
  const offer = {
    origin: ORIGIN,
    callId: seededBytes('call', 32),
    timeMs: NOW_MS,
    caller: { label: LABEL, version, commitment },
    callerKey: spkiHash('phone'),
    callee: bob,
    fingerprints: [seededBytes('certificate of the caller', 32)],
  };
  const offerSha256 = callMessageHash(CALL_OFFER, offer);
  const answer = {
    origin: ORIGIN,
    offerSha256,
    nonce: seededBytes('nonce', 32),
    calleeKey: spkiHash('tablet'),
    fingerprints: [seededBytes('certificate of the callee', 32), seededBytes('second certificate', 32)],
  };
  const answerSha256 = callMessageHash(CALL_ANSWER, answer);
  const confirm = { origin: ORIGIN, answerSha256 };
  const sign = async <T>(kind: CallMessageKind<T>, body: T, by: KeyName): Promise<string> =>
    formatCallMessage(kind, { body, signature: await KEYS[by].sign(callSignedBytes(kind, body)) });
  const input = (type: string, text: string, by: KeyName): OwnCase['input'] => {
    return { type, text, spki: hex(KEYS[by].spki) };
  };
  const offerText = await sign(CALL_OFFER, offer, 'phone');
  const answerText = await sign(CALL_ANSWER, answer, 'tablet');
  const party = ({ label, version: of, commitment: at }: typeof bob): Json => {
    return { label: hex(label), version: of, commitment: hex(at) };
  };
  const bad = (name: string, type: string, text: string, code: string, by: KeyName = 'phone'): OwnCase =>
    refused(name, input(type, text, by), code);
  return {
    primitive: 'call-message',
    notes: [
      'input.text: the message of a call; input.type: the kind that is expected (offer, answer, confirm); input.spki: the',
      'SubjectPublicKeyInfo of the device that must have signed it. expect: its fields, hash (of the bytes that were',
      'signed), and for an answer what caller and callee send inside the DTLS connection (callerProof, calleeProof).',
    ],
    cases: [
      {
        name: 'an offer',
        input: input('offer', offerText, 'phone'),
        expect: {
          origin: ORIGIN,
          callId: hex(offer.callId),
          timeMs: NOW_MS,
          caller: party(offer.caller),
          callerKey: hex(offer.callerKey),
          callee: party(bob),
          fingerprints: offer.fingerprints.map(hex),
          hash: hex(offerSha256),
        },
      },
      {
        name: 'an answer',
        input: input('answer', answerText, 'tablet'),
        expect: {
          origin: ORIGIN,
          offerSha256: hex(offerSha256),
          nonce: hex(answer.nonce),
          calleeKey: hex(answer.calleeKey),
          fingerprints: answer.fingerprints.map(hex),
          hash: hex(answerSha256),
          callerProof: proofOf(1, answerSha256),
          calleeProof: proofOf(2, answerSha256),
        },
      },
      {
        name: 'a confirmation',
        input: input('confirm', await sign(CALL_CONFIRM, confirm, 'phone'), 'phone'),
        expect: { origin: ORIGIN, answerSha256: hex(answerSha256), hash: hex(callMessageHash(CALL_CONFIRM, confirm)) },
      },
      bad('an offer by another device', 'offer', await sign(CALL_OFFER, offer, 'mallory'), 'bad-signature'),
      bad('an answer in the place of an offer', 'offer', answerText, 'malformed-encoding'),
      bad('an offer without a fingerprint', 'offer', withoutFingerprint(offerText), 'malformed-encoding'),
      bad('an offer with padding', 'offer', `${offerText}=`, 'malformed-encoding'),
      bad('an offer with white space around it', 'offer', ` ${offerText}`, 'malformed-encoding'),
      bad('an offer a letter too few', 'offer', offerText.slice(0, -1), 'malformed-encoding'),
      bad('an offer of another time', 'offer', await later(offer), 'bad-signature'),
    ],
  };

  async function later(before: typeof offer): Promise<string> {
    const signature = await KEYS.phone.sign(callSignedBytes(CALL_OFFER, before));
    return formatCallMessage(CALL_OFFER, { body: { ...before, timeMs: NOW_MS + 1 }, signature });
  }
}

/** An offer whose count of fingerprints is 0, and which has none. */
function withoutFingerprint(text: string): string {
  const bytes = Buffer.from(text.slice('glasskey-call:'.length), 'base64url');
  // Behind the fingerprints are a length of 2 bytes and an Ed25519 signature.
  const end = bytes.length - 66;
  const none = Buffer.concat([bytes.subarray(0, end - 33), Buffer.of(0), bytes.subarray(end)]);
  return `glasskey-call:${none.toString('base64url')}`;
}
