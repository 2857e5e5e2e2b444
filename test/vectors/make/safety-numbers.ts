import { pbkdf2Sync } from 'node:crypto';
import { SAFETY_WORDS } from '../../../src/client/e2ee/safety-words.ts';
import { formatSafetyPayload, type SafetyPayload } from '../../../src/client/e2ee/safety-payload.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { concatBytes, encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { LABEL, ORIGIN, spkiHash } from './keys.ts';
import { hex, type OwnCase, type OwnFile, refused, withFormat2 } from './own-file.ts';

const BOB = encodeUtf8('mailto:bob@example.com');

/** A side's fingerprint, written again from the specification. */
function derive(label: Uint8Array, keys: readonly Uint8Array[]): Buffer {
  const origin = encodeUtf8(ORIGIN);
  const lengths = [origin, label].map((part) => concatBytes(Uint8Array.of(part.length), part));
  const side = concatBytes(...lengths, Uint8Array.of(keys.length), ...keys);
  return pbkdf2Sync(side, 'glasskey safety number v1\0', 4096, 64, 'sha512');
}

function digitsOf(derived: Buffer): readonly string[] {
  return [0, 1, 2, 3, 4, 5].map((i) => String(derived.readUIntBE(i * 5, 5) % 100_000).padStart(5, '0'));
}

function wordsOf(derived: Buffer): readonly string[] {
  return [...derived.subarray(32, 44)].map((byte) => SAFETY_WORDS[byte] as string);
}

/** Safety numbers in their three forms, and the list of words. */
export function makeSafetyNumbers(): OwnFile {
  const alices = [spkiHash('phone'), spkiHash('laptop')].sort(Buffer.compare);
  const bobs = [spkiHash('tablet')];
  const [alice, bob] = [derive(LABEL, alices), derive(BOB, bobs)];
  const half = (bytes: Uint8Array): Uint8Array => sha256(bytes).slice(0, 16);
  const payload: SafetyPayload = {
    logHash: half(encodeUtf8(ORIGIN)),
    first: { labelHash: half(LABEL), keys: alice.subarray(0, 32) },
    second: { labelHash: half(BOB), keys: bob.subarray(0, 32) },
  };
  const qr = formatSafetyPayload(payload);
  const input = {
    origin: ORIGIN,
    sides: [
      { label: hex(BOB), keys: bobs.map(hex) },
      { label: hex(LABEL), keys: alices.map(hex) },
    ],
  };
  const bad = (name: string, text: string): OwnCase => refused(name, { qr: text }, 'malformed-encoding');
  return {
    primitive: 'safety-number',
    notes: [
      'input.origin: of the log; input.sides: of each name its label and the names of its certified keys, in any order.',
      'expect: digits, words and qr, the three forms of the number; input.qr: the text of a QR code, and expect: its',
      'parts; input.list: expect.words is the list of 256 words in their order, which is part of the format.',
    ],
    cases: [
      {
        name: 'of two people',
        input,
        expect: {
          digits: [...digitsOf(alice), ...digitsOf(bob)].join(' '),
          words: [...wordsOf(alice), ...wordsOf(bob)],
          qr,
        },
      },
      {
        name: 'the text of a QR code',
        input: { qr: ` ${qr}\n` },
        expect: {
          log: hex(payload.logHash),
          sides: [payload.first, payload.second].map(({ labelHash, keys }) => {
            return { name: hex(labelHash), keys: hex(keys) };
          }),
        },
      },
      { name: 'the list of words', input: { list: true }, expect: { words: [...SAFETY_WORDS] } },
      bad('with padding', `${qr}=`),
      bad('a letter too few', qr.slice(0, -1)),
      bad('a letter too many', `${qr}A`),
      bad('under another prefix', qr.replace('safety', 'number')),
      bad('of format 2', withFormat2(qr)),
    ],
  };
}
