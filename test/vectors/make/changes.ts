import { p256 } from '@noble/curves/nist.js';
import { concatBytes, parseHex } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { changeMessage, type ChangeRequest, changeRequestCodec } from '../../../src/identity/change-request.ts';
import { byKey, changeAfter, type History, type MadeVersion } from './history.ts';
import { KEYS } from './keys.ts';
import { hex, type OwnCase, type OwnFile, refused, withFlippedBit } from './own-file.ts';

/** The SubjectPublicKeyInfo of a P-256 key but for its point (RFC 5480 §2). */
const P256_SPKI = parseHex('3059301306072a8648ce3d020106082a8648ce3d030107034200');

/** Change requests, the bytes that are signed for them, and signatures over those. */
export async function makeChanges({ versions }: History): Promise<OwnFile> {
  const [first, second] = versions as [MadeVersion, MadeVersion];
  const request = changeAfter(first, ['phone', 'laptop']);
  const { signature } = await byKey('phone', request);
  const encoded = encode(changeRequestCodec, request);
  const message = changeMessage(encoded);
  const secret = new Uint8Array(32).fill(15);
  const p256Spki = concatBytes(P256_SPKI, p256.getPublicKey(secret, false));
  const ofP256 = p256.sign(message, secret, { format: 'der', lowS: false });
  const signed = (spki: Uint8Array, by: Uint8Array, bytes = encoded): OwnCase['input'] => {
    return { request: hex(bytes), spki: hex(spki), signature: hex(by) };
  };
  const phone = KEYS.phone.spki;
  return {
    primitive: 'change-request',
    notes: [
      'input.request: an encoded ChangeRequest, hex; input.spki and input.signature: a SubjectPublicKeyInfo and its',
      'signature over expect.message, which is "glasskey change v1" || 0x00 || request.',
    ],
    cases: [
      accepted('signed by an Ed25519 key', signed(phone, signature), request, message),
      accepted('signed by a P-256 key', signed(p256Spki, ofP256), request, message),
      await acceptedFor('that removes every key', changeAfter(second, [])),
      refused('signed by another key', signed(KEYS.mallory.spki, signature), 'bad-signature'),
      refused('with a bit of the signature flipped', signed(phone, withFlippedBit(signature, 40)), 'bad-signature'),
      refused('without the context', signed(phone, await KEYS.phone.sign(encoded)), 'bad-signature'),
      refused(
        'for another version',
        signed(phone, signature, encode(changeRequestCodec, { ...request, version: 2 })),
        'bad-signature',
      ),
      ...malformed(request, encoded).map(([why, bytes]) =>
        refused(why, signed(phone, signature, bytes), 'malformed-encoding'),
      ),
    ],
  };
}

function accepted(name: string, input: OwnCase['input'], request: ChangeRequest, message: Uint8Array): OwnCase {
  const { origin, label, version, previousCommitment, spkisAfter } = request;
  const fields = { origin, label: hex(label), version, previousCommitment: hex(previousCommitment) };
  return { name, input, expect: { ...fields, spkisAfter: spkisAfter.map(hex), message: hex(message) } };
}

async function acceptedFor(name: string, request: ChangeRequest): Promise<OwnCase> {
  const { signature } = await byKey('phone', request);
  const encoded = encode(changeRequestCodec, request);
  const input = { request: hex(encoded), spki: hex(KEYS.phone.spki), signature: hex(signature) };
  return accepted(name, input, request, changeMessage(encoded));
}

/** Bytes that are no ChangeRequest, each with why. */
function malformed(request: ChangeRequest, encoded: Uint8Array): readonly (readonly [string, Uint8Array])[] {
  const spkis = encoded.length - 64;
  const [one, other] = [encoded.slice(spkis, spkis + 32), encoded.slice(spkis + 32)];
  const head = encoded.slice(0, spkis);
  const afterOrigin = encoded.slice(1 + request.origin.length);
  const afterLabel = afterOrigin.slice(1 + request.label.length);
  return [
    ['a byte too few', encoded.slice(0, -1)],
    ['a byte too many', concatBytes(encoded, Uint8Array.of(0))],
    ['hashes in descending order', concatBytes(head, other, one)],
    ['a hash twice', concatBytes(head, one, one)],
    ['an origin of no bytes', concatBytes(Uint8Array.of(0), afterOrigin)],
    ['an origin that is not UTF-8', concatBytes(Uint8Array.of(1, 0xff), afterOrigin)],
    ['a label of no bytes', concatBytes(encoded.slice(0, 1 + request.origin.length), Uint8Array.of(0), afterLabel)],
  ];
}
