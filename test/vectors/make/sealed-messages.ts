import { publicCompanion } from '../../../src/ca/companion-secret.ts';
import { encryptContent, keyCommitment, sealingInfo, slotHint } from '../../../src/client/e2ee/content-cipher.ts';
import { DHKEM_X25519 } from '../../../src/client/e2ee/dhkem-x25519.ts';
import { encodeEnvelope, type EnvelopeHeader, type Slot } from '../../../src/client/e2ee/envelope-codec.ts';
import { encodeContent, type MessageClaim, sealedMessageText } from '../../../src/client/e2ee/message-claim.ts';
import { bufferOf } from '../../../src/client/e2ee/raw-kem.ts';
import { hpkeSuite, type SealingSuite } from '../../../src/client/e2ee/suites.ts';
import { X_WING } from '../../../src/client/e2ee/x-wing.ts';
import { expandXWingSeed } from '../../../src/client/keys/x-wing-seed.ts';
import { concatBytes, encodeUtf8, formatHex } from '../../../src/core/encoding/bytes.ts';
import type { History, MadeVersion } from './history.ts';
import { KEYS, LABEL, NOW_MS, ORIGIN, seededBytes, spkiHash } from './keys.ts';
import { hex, type Json, type OwnCase, type OwnFile, refused, withFlippedBit } from './own-file.ts';

const BOB = {
  label: encodeUtf8('mailto:bob@example.com'),
  version: 3,
  commitment: seededBytes('commitment of Bob', 32),
};
const TO = { origin: ORIGIN, label: BOB.label };
const CONTENT_KEY = seededBytes('content key', 32);

/** A device of Bob with its private companion keys. */
interface Device {
  readonly suite: SealingSuite;
  readonly x25519Secret: Uint8Array;
  readonly mlKem768Seed: Uint8Array | undefined;
  readonly publicKey: Uint8Array;
}

function deviceOf(name: string, suite: SealingSuite): Device {
  if (suite === 'x25519') {
    const x25519Secret = seededBytes(name, 32);
    return { suite, x25519Secret, mlKem768Seed: undefined, publicKey: publicCompanion('x25519', x25519Secret) };
  }
  const { mlKem768Seed, x25519Secret } = expandXWingSeed(seededBytes(name, 32));
  const parts = [publicCompanion('ml-kem-768', mlKem768Seed), publicCompanion('x25519', x25519Secret)];
  return { suite, x25519Secret, mlKem768Seed, publicKey: concatBytes(...parts) };
}

/** The content key, sealed to a device with randomness that depends on its name alone. */
async function slotFor(name: string, { suite, publicKey }: Device): Promise<Slot> {
  const kem = suite === 'x25519' ? DHKEM_X25519 : X_WING;
  const hpke = hpkeSuite(kem);
  const recipientPublicKey = await hpke.kem.deserializePublicKey(bufferOf(publicKey));
  const random = concatBytes(seededBytes(`random 0 of ${name}`, 32), seededBytes(`random 1 of ${name}`, 32));
  const ekm = bufferOf(random.slice(0, kem.randomBytes));
  const sender = await hpke.createSenderContext({ recipientPublicKey, info: bufferOf(sealingInfo(TO)), ekm });
  const sealedKey = new Uint8Array(await sender.seal(bufferOf(CONTENT_KEY), new ArrayBuffer(0)));
  const enc = new Uint8Array(sender.enc);
  return { suite, hint: slotHint(TO, suite, enc, publicKey), enc, sealedKey };
}

/** Messages that are sealed to two devices, and what each device reads. */
export async function makeSealedMessages({ versions }: History): Promise<OwnFile> {
  const { version, commitment } = versions[1] as MadeVersion;
  const devices = { phone: deviceOf('phone of Bob', 'x-wing'), tablet: deviceOf('tablet of Bob', 'x25519') };
  const slots = await Promise.all(Object.entries(devices).map(([name, device]) => slotFor(name, device)));
  const header: EnvelopeHeader = {
    format: 1,
    keyCommitment: keyCommitment(CONTENT_KEY),
    slots: slots.toSorted((a, b) => (formatHex(a.hint) < formatHex(b.hint) ? -1 : 1)),
  };
  const claim: MessageClaim = {
    sender: { label: LABEL, version, commitment },
    signer: spkiHash('phone'),
    recipient: BOB,
    devices: [seededBytes('certified keys of the tablet', 32), seededBytes('certified keys of the phone', 32)].toSorted(
      (a, b) => (formatHex(a) < formatHex(b) ? -1 : 1),
    ),
    messageId: seededBytes('message', 16),
    sentAtMs: NOW_MS,
  };
  const sealed = async (plaintext: Uint8Array, but: Partial<MessageClaim> = {}): Promise<Uint8Array> => {
    const signature = await KEYS.phone.sign(sealedMessageText(ORIGIN, claim, plaintext));
    const content = encodeContent({ claim: { ...claim, ...but }, signature, plaintext });
    return encodeEnvelope({ header, ciphertext: encryptContent(CONTENT_KEY, header, content) });
  };
  const input = (device: Device, envelope: Uint8Array, but: OwnCase['input'] = {}): OwnCase['input'] => ({
    origin: ORIGIN,
    label: hex(BOB.label),
    x25519Secret: hex(device.x25519Secret),
    mlKem768Seed: device.mlKem768Seed === undefined ? null : hex(device.mlKem768Seed),
    senderSpki: hex(KEYS.phone.spki),
    envelope: hex(envelope),
    ...but,
  });
  const party = (one: MessageClaim['sender']): Json => {
    return { label: hex(one.label), version: one.version, commitment: hex(one.commitment) };
  };
  const opened = (suite: SealingSuite, plaintext: Uint8Array): OwnCase['expect'] => ({
    suite,
    sender: party(claim.sender),
    signer: hex(claim.signer),
    recipient: party(BOB),
    devices: claim.devices.map(hex),
    messageId: hex(claim.messageId),
    sentAtMs: NOW_MS,
    plaintext: hex(plaintext),
  });
  const short = encodeUtf8('Hello Bob');
  const long = new Uint8Array(1000).fill(0x61);
  const envelope = await sealed(short);
  const { phone, tablet } = devices;
  const bad = (name: string, changed: Uint8Array, code: string, but: OwnCase['input'] = {}): OwnCase =>
    refused(name, input(phone, changed, but), code);
  return {
    primitive: 'sealed-message',
    notes: [
      'input.envelope: a sealed message; input.origin: the log’s; input.label: the recipient’s; input.x25519Secret and',
      'input.mlKem768Seed (64 bytes, or null): private companion keys of one device of the recipient; input.senderSpki: the',
      'SubjectPublicKeyInfo that the sender’s record certifies. expect: the suite of the device’s slot, the claim and the',
      'plaintext. Versions and commitments are to be compared with the log afterwards.',
    ],
    cases: [
      { name: 'by a device with X-Wing', input: input(phone, envelope), expect: opened('x-wing', short) },
      { name: 'by a device with X25519 alone', input: input(tablet, envelope), expect: opened('x25519', short) },
      { name: 'of 1,000 bytes', input: input(tablet, await sealed(long)), expect: opened('x25519', long) },
      {
        name: 'of nothing',
        input: input(phone, await sealed(new Uint8Array(0))),
        expect: opened('x-wing', new Uint8Array(0)),
      },
      bad('by a device that has no slot', envelope, 'not-for-this-key', {
        x25519Secret: hex(seededBytes('other', 32)),
      }),
      bad('to another name', envelope, 'not-for-this-key', { label: hex(LABEL) }),
      bad('of another log', envelope, 'not-for-this-key', { origin: 'log.example/other' }),
      bad('by another sender', envelope, 'bad-signature', { senderSpki: hex(KEYS.mallory.spki) }),
      bad('with another claim', await sealed(short, { sentAtMs: NOW_MS + 1 }), 'bad-signature'),
      bad('with a bit of its last byte flipped', withFlippedBit(envelope, envelope.length - 1), 'bad-message'),
      bad('with a bit of its commitment flipped', withFlippedBit(envelope, 1), 'bad-message'),
      bad('with its slots in another order', swapped(header, envelope), 'malformed-encoding'),
      bad('a byte too few', envelope.slice(0, -1), 'malformed-encoding'),
      bad('of format 2', concatBytes(Uint8Array.of(2), envelope.slice(1)), 'malformed-encoding'),
    ],
  };
}

/** The envelope with its slots the other way round. */
function swapped(header: EnvelopeHeader, envelope: Uint8Array): Uint8Array {
  const ciphertext = envelope.slice(-272);
  return encodeEnvelope({ header: { ...header, slots: header.slots.toReversed() }, ciphertext });
}
