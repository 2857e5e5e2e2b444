import { domainToASCII, domainToUnicode } from 'node:url';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePunycode, encodePunycode } from '../../src/identity/punycode.ts';

describe('punycode', () => {
  it.each([
    ['bücher', 'bcher-kva'],
    ['他们为什么不说中文', 'ihqwcrb4cv8a8dqg056pqjye'],
    ['3年b組金八先生', '3b-ww4c5e180e575a65lsy2b'],
    ['ü', 'tda'],
    ['\u{20000}', 'j50i'],
  ])('%s', (text, encoded) => {
    expect(encodePunycode(text)).toBe(encoded);
    expect(decodePunycode(encoded)).toBe(text);
  });

  it('reads back what it writes', () => {
    const label = fc.string({
      unit: fc.constantFrom(...Array.from('abc019-ßüßσ日本ж\u{20000}\u{10ffff}')),
      minLength: 1,
      maxLength: 15,
    });
    fc.assert(
      fc.property(label, (text) => {
        const encoded = encodePunycode(text);
        if (encoded.length <= 63) expect(decodePunycode(encoded)).toBe(text);
      }),
    );
  });

  it('agrees with the platform', () => {
    const label = fc.string({ unit: fc.constantFrom(...Array.from('abcüöжщ日本語éñ')), minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(label, (text) => {
        fc.pre(/[^a-z]/.test(text));
        expect(`xn--${encodePunycode(text)}.com`).toBe(domainToASCII(`${text}.com`));
        expect(domainToUnicode(`xn--${encodePunycode(text)}.com`)).toBe(`${text}.com`);
      }),
    );
  });

  it.each(['!', 'kv\u00fc', '99999999999', 'a'.repeat(64), 'bcher-kv', 'ihqwcrb4cv8a8dqg056pqjy'])(
    'refuses %j',
    (text) => {
      expect(() => {
        const label = decodePunycode(text);
        if (encodePunycode(label) !== text) throw new RangeError('not canonical');
      }).toThrow(RangeError);
    },
  );
});
