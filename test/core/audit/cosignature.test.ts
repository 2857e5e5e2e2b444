import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cosignatureSigner, type NoteCosigner, verifyCosignatures } from '../../../src/core/audit/cosignature.ts';
import { cosignedMessage } from '../../../src/core/audit/cosigned-message.ts';
import { formatCheckpoint, verifyCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import { formatNote, type Note, parseNote, verifyNote } from '../../../src/core/audit/note.ts';
import { formatVkey, parseVkey } from '../../../src/core/audit/vkey.ts';
import { decodeUtf8, encodeUtf8, formatHex } from '../../../src/core/encoding/bytes.ts';
import { testCosigner, testMlDsaCosigner } from './test-cosigner.ts';
import { testNoteSigner, testSigner } from './test-signer.ts';

const code = (expected: string): object => expect.objectContaining({ code: expected });
const NOW = 1_679_315_147_999;
const TEXT = formatCheckpoint({
  origin: 'example.com/behind-the-sofa',
  size: 20_852_163,
  rootHash: new Uint8Array(32).fill(7),
  extensions: [],
});

const ed = testCosigner('witness.example/w1', 1);
const ml = testMlDsaCosigner('witness.example/w2', 2);
const cosigners = [
  ['Ed25519', ed],
  ['ML-DSA-44', ml],
] as const;

async function cosigned(...by: readonly NoteCosigner[]): Promise<Note> {
  return { text: TEXT, signatures: await Promise.all(by.map((one) => one.cosign(TEXT, NOW))) };
}

/** The note with one bit of a signature line changed. */
function flip(note: Note, line: number, bit: number): Note {
  const signatures = note.signatures.map((one, i) => {
    if (i !== line) return one;
    const signature = one.signature.slice();
    signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return { ...one, signature };
  });
  return { ...note, signatures };
}

describe('cosigned messages', () => {
  it('are, with Ed25519, the lines that the specification shows', () => {
    expect(decodeUtf8(cosignedMessage(ed.vkey, TEXT, 1_679_315_147))).toBe(`cosignature/v1\ntime 1679315147\n${TEXT}`);
  });

  it('are, with ML-DSA-44, the structure of the specification, field by field', () => {
    const hex = (text: string): string => formatHex(encodeUtf8(text));
    const expected = [
      hex('subtree/v1\n\0'),
      '12',
      hex('witness.example/w2'),
      (1_679_315_147).toString(16).padStart(16, '0'),
      '1b',
      hex('example.com/behind-the-sofa'),
      '0000000000000000',
      (20_852_163).toString(16).padStart(16, '0'),
      '07'.repeat(32),
    ];
    expect(formatHex(cosignedMessage(ml.vkey, TEXT, 1_679_315_147))).toBe(expected.join(''));
  });

  it('do not exist for other texts, other keys, or what does not fit', () => {
    expect(() => cosignedMessage(ml.vkey, 'a note\n', 1)).toThrow(code('bad-checkpoint'));
    expect(() => cosignedMessage(testNoteSigner('a', 1).vkey, TEXT, 1)).toThrow(code('value-out-of-range'));
    const long = TEXT.replace('example.com', 'e'.repeat(300));
    expect(() => cosignedMessage(ml.vkey, long, 1)).toThrow(code('value-out-of-range'));
  });
});

describe('cosigners', () => {
  it.each(cosigners)('with %s have a vkey that is formatted as it is parsed', (_, { vkey }) => {
    expect(parseVkey(formatVkey(vkey))).toEqual(vkey);
  });

  it('have another key ID than the same key that signs notes', () => {
    expect(ed.vkey.keyId).not.toBe(testNoteSigner('witness.example/w1', 1).vkey.keyId);
  });

  it('refuse other texts, times that are none, and other kinds of keys', async () => {
    await expect(ed.cosign('hello\n', NOW)).rejects.toThrow(code('bad-checkpoint'));
    await expect(ml.cosign(TEXT, 999)).rejects.toThrow(code('value-out-of-range'));
    expect(() => cosignatureSigner('a', { ...testSigner(1), algorithm: 'p256' })).toThrow(code('value-out-of-range'));
  });
});

describe('cosignatures', () => {
  it.each(cosigners)('with %s verify, and tell their time in whole seconds', async (_, cosigner) => {
    const note = parseNote(formatNote(await cosigned(cosigner)));
    expect(verifyCosignatures(note, [cosigner.vkey])).toEqual([
      { vkey: cosigner.vkey, timestampMs: 1_679_315_147_000 },
    ]);
  });

  it('of unknown keys are ignored', async () => {
    const note = await cosigned(ed, ml);
    expect(verifyCosignatures(note, [testCosigner('witness.example/w1', 3).vkey])).toEqual([]);
    expect(verifyCosignatures(note, [ml.vkey]).map(({ vkey }) => vkey)).toEqual([ml.vkey]);
  });

  it.each(cosigners)('with %s are refused with any bit changed, in time or signature', async (_, cosigner) => {
    const note = await cosigned(cosigner);
    const bits = 8 * (note.signatures[0]?.signature.length ?? 0);
    fc.assert(
      fc.property(fc.nat(bits - 1), (bit) => {
        expect(() => verifyCosignatures(flip(note, 0, bit), [cosigner.vkey])).toThrow(code('bad-checkpoint'));
      }),
      { numRuns: 60 },
    );
  });

  it.each(cosigners)('with %s are refused for another checkpoint', async (_, cosigner) => {
    const note = await cosigned(cosigner);
    for (const text of [TEXT.replace('20852163', '20852164'), TEXT.replace('sofa', 'soda'), TEXT.replace('Bw', 'Cw')]) {
      expect(text).not.toBe(TEXT);
      expect(() => verifyCosignatures({ ...note, text }, [cosigner.vkey])).toThrow(code('bad-checkpoint'));
    }
  });

  it.each(cosigners)('with %s are refused when they are too short or too long', async (_, cosigner) => {
    const note = await cosigned(cosigner);
    const [line] = note.signatures;
    for (const signature of [
      line!.signature.slice(0, 7),
      line!.signature.slice(0, -1),
      new Uint8Array(line!.signature.length + 1),
    ]) {
      const broken = { ...note, signatures: [{ ...line!, signature }] };
      expect(() => verifyCosignatures(broken, [cosigner.vkey])).toThrow(code('bad-checkpoint'));
    }
  });

  it('with ML-DSA-44 say nothing of extension lines, those with Ed25519 do', async () => {
    const note = { ...(await cosigned(ed, ml)), text: `${TEXT}more\n` };
    expect(verifyCosignatures(note, [ml.vkey])).toHaveLength(1);
    expect(() => verifyCosignatures(note, [ed.vkey])).toThrow(code('bad-checkpoint'));
  });

  it('sign the checkpoint of a log whose key makes them', async () => {
    const origin = 'example.com/behind-the-sofa';
    const log = testMlDsaCosigner(origin, 5);
    const text = formatNote(await cosigned(log));
    expect(verifyCheckpoint(text, { origin, vkeys: [log.vkey] }).size).toBe(20_852_163);
    const broken = formatNote(flip(await cosigned(log), 0, 300));
    expect(() => verifyCheckpoint(broken, { origin, vkeys: [log.vkey] })).toThrow(code('bad-checkpoint'));
  });

  it('are no signatures of other notes', async () => {
    const note = { ...(await cosigned(ed)), text: 'hello\n' };
    expect(() => verifyNote(note, [ed.vkey])).toThrow(code('bad-signature'));
  });
});
