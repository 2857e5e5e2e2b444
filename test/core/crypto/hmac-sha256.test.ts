import { createHmac, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { hmacSha256 } from '../../../src/core/crypto/hmac-sha256.ts';
import { parseHex } from '../../../src/core/encoding/bytes.ts';

const text = (ascii: string): Uint8Array => new TextEncoder().encode(ascii);

it.each([
  [
    'RFC 4231 §4.2',
    new Uint8Array(20).fill(0x0b),
    text('Hi There'),
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  ],
  [
    'RFC 4231 §4.3',
    text('Jefe'),
    text('what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    'RFC 4231 §4.4',
    new Uint8Array(20).fill(0xaa),
    new Uint8Array(50).fill(0xdd),
    '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
  ],
])('%s', (_, key, message, expected) => {
  expect(hmacSha256(key)(message)).toEqual(parseHex(expected));
});

it('gives what OpenSSL gives, for keys up to a block and messages of every length around blocks', () => {
  for (const keyLength of [0, 1, 16, 32, 63, 64]) {
    const key = randomBytes(keyLength);
    const mac = hmacSha256(key);
    for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 700]) {
      const message = randomBytes(length);
      expect(mac(message)).toEqual(new Uint8Array(createHmac('sha256', key).update(message).digest()));
    }
  }
});

it('refuses a key that is longer than a block', () => {
  expect(() => hmacSha256(new Uint8Array(65))).toThrow(expect.objectContaining({ code: 'bad-key' }));
});
