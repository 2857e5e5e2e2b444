import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crockfordText, crockfordValues } from '../../../src/client/backup/crockford.ts';
import { checkNewPassword, generatePassword, MINIMUM_CHOSEN_LENGTH } from '../../../src/client/backup/password.ts';
import { askPasskey, PASSKEY_PRF_INPUT } from '../../../src/client/backup/passkey-prf.ts';
import { generateRecoveryCode, recoveryCodeBytes, recoveryTicket } from '../../../src/client/backup/recovery-code.ts';
import { formatHex } from '../../../src/core/encoding/bytes.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('a recovery code', () => {
  it('is read as people type it', () => {
    const random = (length: number) => new Uint8Array(length).map((_, i) => 17 * i);
    const text = generateRecoveryCode(random);
    expect(text).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{4}$/);
    const typed = text.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l');
    expect(recoveryCodeBytes(typed)).toEqual(random(16));
    expect(recoveryCodeBytes(text)).toEqual(random(16));
  });

  it('is refused if a symbol is mistyped or two are swapped, nearly always', () => {
    const text = generateRecoveryCode((length) => new Uint8Array(length).map((_, i) => 91 * i + 5));
    let refused = 0;
    let tried = 0;
    for (let i = 0; i < text.length; i++) {
      if (text[i] === '-') continue;
      for (const symbol of '07FZ') {
        if (symbol === text[i]) continue;
        tried++;
        try {
          recoveryCodeBytes(text.slice(0, i) + symbol + text.slice(i + 1));
        } catch (error) {
          expect(error).toEqual(code('malformed-encoding'));
          refused++;
        }
      }
    }
    expect(tried).toBeGreaterThan(80);
    expect(tried - refused).toBeLessThan(2);
    for (const wrong of ['', text.slice(1), `${text}0`, text.replace(/./, 'U'), 'x'.repeat(10_000)]) {
      expect(() => recoveryCodeBytes(wrong)).toThrow(code('malformed-encoding'));
    }
  });

  it('has a ticket that differs from what opens the backup', () => {
    const text = generateRecoveryCode();
    expect(recoveryTicket(text)).toHaveLength(32);
    expect(recoveryTicket(text.toLowerCase())).toEqual(recoveryTicket(text));
    expect(formatHex(recoveryTicket(text))).not.toContain(formatHex(recoveryCodeBytes(text)));
  });

  it('is Crockford’s base32, of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 10, maxLength: 10 }), (bytes) => {
        expect(crockfordValues(crockfordText(bytes, 16), 16)).toEqual(bytes);
      }),
    );
    expect(crockfordText(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xfe), 8)).toBe('ZZZZ-ZZZY');
    expect(crockfordValues('ZZZZ-ZZZ!', 8)).toBeUndefined();
  });
});

describe('a password', () => {
  it('is generated with 80 bits, and taken then', () => {
    const password = generatePassword();
    expect(password).toMatch(/^[0-9a-z]{4}(?:-[0-9a-z]{4}){3}$/);
    expect(new Set(Array.from({ length: 50 }, () => generatePassword())).size).toBe(50);
    expect(checkNewPassword({ text: password })).toBe(password);
  });

  it.each([
    ['one that was not generated, without a word', { text: 'correct horse battery staple' }],
    ['a short one', { text: 'Tr0ub4dor&3xyz'.slice(0, MINIMUM_CHOSEN_LENGTH - 1), chosen: true }],
    ['one character', { text: 'aaaaaaaaaaaaaaaaaaaa', chosen: true }],
    ['few characters', { text: 'abababcabacabcbacbca', chosen: true }],
    ['a repetition', { text: 'password1password1', chosen: true }],
    ['a repetition that is cut', { text: 'password1password1pass', chosen: true }],
    ['the alphabet', { text: 'abcdefghijklmnopqrst', chosen: true }],
    ['numbers backwards', { text: '9876543210abcdefg!', chosen: true }],
    ['zeros that look generated', { text: '0000-0000-0000-0000' }],
    ['a long one', { text: 'correct horse battery staple'.repeat(10), chosen: true }],
    ['one below the estimate', { text: 'correct horse battery staple', chosen: true, estimateBits: () => 49 }],
  ])('is refused: %s', (_, password) => {
    expect(() => checkNewPassword(password)).toThrow(code('usage'));
  });

  it('may be chosen, knowingly, and is the same from two keyboards', () => {
    const estimateBits = (text: string) => text.length * 2;
    const text = 'correct horse cafe\u0301 battery';
    expect(checkNewPassword({ text, chosen: true, estimateBits })).toBe('correct horse caf\u00e9 battery');
    expect(checkNewPassword({ text: text.replaceAll(' ', '\u00a0'), chosen: true })).toBe(
      'correct horse caf\u00e9 battery',
    );
  });
});

describe('a passkey', () => {
  const challenge = new Uint8Array(32);
  const answer = (first: ArrayBuffer | undefined) => ({
    rawId: Uint8Array.of(1, 2).buffer,
    response: {
      clientDataJSON: Uint8Array.of(3).buffer,
      authenticatorData: Uint8Array.of(4).buffer,
      signature: Uint8Array.of(5).buffer,
      userHandle: null,
    },
    getClientExtensionResults: () => (first === undefined ? {} : { prf: { results: { first } } }),
  });

  it('gives its PRF, and an assertion without it', async () => {
    const asked: unknown[] = [];
    const prf = new Uint8Array(32).fill(200);
    const credentials = {
      get: async (options: object) => {
        asked.push(options);
        return answer(prf.buffer);
      },
    };
    const found = await askPasskey({ challenge, credentialIds: [Uint8Array.of(1, 2)], credentials });
    expect(found.prf).toEqual(prf);
    expect(found.assertion).toMatchObject({ id: 'AQI', type: 'public-key', clientExtensionResults: {} });
    expect(JSON.stringify(found.assertion)).not.toContain(Buffer.from(prf).toString('base64url').slice(0, 20));
    expect(asked).toMatchObject([
      { publicKey: { userVerification: 'required', extensions: { prf: { eval: { first: PASSKEY_PRF_INPUT } } } } },
    ]);
  });

  it.each([undefined, new ArrayBuffer(31)])('is refused without a PRF of 32 bytes', async (first) => {
    const credentials = { get: async () => answer(first) };
    await expect(askPasskey({ challenge, credentialIds: [], credentials })).rejects.toEqual(
      code('platform-unsupported'),
    );
  });

  it('needs a browser that has passkeys', async () => {
    await expect(askPasskey({ challenge, credentialIds: [] })).rejects.toEqual(code('platform-unsupported'));
  });
});
