import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatNote, noteSigner, parseNote, signNote, verifyNote } from '../../../src/core/audit/note.ts';
import { formatVkey, parseVkey } from '../../../src/core/audit/vkey.ts';
import { encodeUtf8, formatBase64 } from '../../../src/core/encoding/bytes.ts';
import { testNoteSigner, testSigner } from './test-signer.ts';

const code = (expected: string): object => expect.objectContaining({ code: expected });

// The example of c2sp.org/signed-note.
const EXAMPLE_VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const EXAMPLE_NOTE = `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`;

describe('vkeys', () => {
  it('are formatted as they are parsed', () => {
    expect(formatVkey(parseVkey(EXAMPLE_VKEY))).toBe(EXAMPLE_VKEY);
  });

  it.each([
    ['another key ID', EXAMPLE_VKEY.replace('530d903a', '530d903b')],
    ['an upper-case key ID', EXAMPLE_VKEY.replace('530d903a', '530D903A')],
    ['no name', EXAMPLE_VKEY.replace('example.com/foo', '')],
    ['a space in the name', EXAMPLE_VKEY.replace('.', ' ')],
    ['too short a key', EXAMPLE_VKEY.slice(0, -8)],
    ['one part only', 'example.com/foo'],
  ])('are refused with %s', (_, text) => {
    expect(() => parseVkey(text)).toThrow(code('bad-key'));
  });

  it('of small order are refused', () => {
    const neutral = new Uint8Array([1, ...new Uint8Array(31)]);
    const vkey = formatVkey(noteSigner('evil.example', { ...testSigner(1), publicKey: neutral }).vkey);
    expect(() => parseVkey(vkey)).toThrow(code('bad-key'));
  });

  it('of unknown types are parsed, for somebody else to use', () => {
    const key = formatBase64(new Uint8Array([0xff, 1, 2, 3]));
    expect(parseVkey(`a.example+00000001+${key}`)).toMatchObject({ type: 0xff, keyId: 1 });
  });
});

describe('notes', () => {
  const [alice, bob] = [testNoteSigner('alice.example', 1), testNoteSigner('bob.example', 2)];

  it('verify with the key of the specification', () => {
    const note = parseNote(EXAMPLE_NOTE);
    expect(note.text).toBe('This is an example message.\n');
    expect(verifyNote(note, [parseVkey(EXAMPLE_VKEY)])).toHaveLength(1);
  });

  it('keep signatures of unknown keys', async () => {
    const text = await signNote('one\n\ntwo\n', [alice, bob]);
    const note = parseNote(encodeUtf8(text));
    expect(note.text).toBe('one\n\ntwo\n');
    expect(formatNote(note)).toBe(text);
    expect(verifyNote(note, [bob.vkey])).toEqual([bob.vkey]);
    expect(verifyNote(note, [bob.vkey, alice.vkey])).toHaveLength(2);
  });

  it('are refused unless a known key signed, and every known key signed well', async () => {
    const note = parseNote(await signNote('text\n', [alice, bob]));
    expect(() => verifyNote(note, [testNoteSigner('carol.example', 3).vkey])).toThrow(code('bad-signature'));
    expect(() => verifyNote(note, [])).toThrow(code('bad-signature'));
    const broken = note.signatures.map((line) =>
      line.name === 'bob.example' ? { ...line, signature: new Uint8Array(64) } : line,
    );
    expect(() => verifyNote({ ...note, signatures: broken }, [alice.vkey, bob.vkey])).toThrow(code('bad-signature'));
    expect(verifyNote({ ...note, signatures: broken }, [alice.vkey])).toEqual([alice.vkey]);
  });

  it('are refused when a byte of text or signature changed', async () => {
    const bytes = encodeUtf8(await signNote('some text\n', [alice]));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = bytes.slice();
        changed[at]! ^= change;
        expect(() => verifyNote(parseNote(changed), [alice.vkey])).toThrow(
          expect.objectContaining({ code: expect.stringMatching(/^bad-(note|signature)$/) as string }),
        );
      }),
    );
  });

  const signature = '— a.example AAAAAAA=';
  it.each([
    ['no signature', 'text\n\n'],
    ['no blank line', `text\n${signature}\n`],
    ['no final newline', `text\n\n${signature}`],
    ['a control character', `te\txt\n\n${signature}\n`],
    ['a carriage return', `text\r\n\n${signature}\n`],
    ['a plus in the name', 'text\n\n— a+b AAAAAAA=\n'],
    ['a no-break space in the name', 'text\n\n— a\u00a0b AAAAAAA=\n'],
    ['a hyphen for the dash', 'text\n\n- a.example AAAAAAA=\n'],
    ['a signature of four bytes', 'text\n\n— a.example AAAAAA==\n'],
    ['bad base64', 'text\n\n— a.example AAAAAAB=\n'],
    ['half a surrogate pair', `te\ud800xt\n\n${signature}\n`],
    ['too many signatures', `text\n\n${`${signature}\n`.repeat(65)}`],
    ['too much text', `${'x'.repeat(600_000)}\n\n${signature}\n`],
  ])('are refused with %s', (_, text) => {
    expect(() => parseNote(text)).toThrow(code('bad-note'));
  });

  it('are refused when they are not UTF-8', () => {
    const bytes = encodeUtf8(`text\n\n${signature}\n`);
    bytes[0] = 0xff;
    expect(() => parseNote(bytes)).toThrow(code('bad-note'));
  });

  it('that end without a newline are not signed', async () => {
    await expect(signNote('text', [alice])).rejects.toThrow(code('value-out-of-range'));
  });
});
