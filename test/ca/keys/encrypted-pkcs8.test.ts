import { createPrivateKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decryptOwnPkcs8, encryptPkcs8 } from '../../../src/ca/keys/encrypted-pkcs8.ts';
import { createKey } from '../../../src/ca/keys/key-file.ts';

const derOf = async (): Promise<Uint8Array> =>
  new Uint8Array((await createKey('ed25519')).export({ format: 'der', type: 'pkcs8' }));
/** The salt and the IV, which are where this project writes them. */
const parts = (encrypted: Uint8Array): [string, string] => {
  const hex = Buffer.from(encrypted).toString('hex');
  return [/0420([0-9a-f]{64})0203/.exec(hex)?.[1] ?? '', /012a0410([0-9a-f]{32})/.exec(hex)?.[1] ?? ''];
};

describe('encrypted PKCS#8', () => {
  it('is opened by OpenSSL as by ourselves, and by no other passphrase', async () => {
    const plain = await derOf();
    const encrypted = encryptPkcs8(plain, 'pässphrase');
    const opened = createPrivateKey({
      key: Buffer.from(encrypted),
      format: 'der',
      type: 'pkcs8',
      passphrase: 'pässphrase',
    });
    expect(new Uint8Array(opened.export({ format: 'der', type: 'pkcs8' }))).toEqual(plain);
    expect(decryptOwnPkcs8(encrypted, 'pässphrase')).toEqual(plain);
    expect(decryptOwnPkcs8(encrypted, 'passphrase')).toBeUndefined();
  });

  it('has one salt for the files of a passphrase, and an IV for each file', async () => {
    const plain = await derOf();
    const [one, two, other] = ['secret', 'secret', 'other'].map((passphrase) => parts(encryptPkcs8(plain, passphrase)));
    expect(one![0]).toMatch(/^[0-9a-f]{64}$/);
    expect(two![0]).toBe(one![0]);
    expect(other![0]).not.toBe(one![0]);
    expect(new Set([one![1], two![1], other![1]]).size).toBe(3);
  });

  it('takes nothing that is damaged, or that another program wrote in its own way', async () => {
    const encrypted = encryptPkcs8(await derOf(), 'secret');
    // Every byte of the scheme but the salt and the IV: for another scheme the passphrase is not tried.
    const free = parts(encrypted).map((hex) => Buffer.from(encrypted).indexOf(Buffer.from(hex, 'hex')));
    const isFree = (i: number): boolean => (i >= free[0]! && i < free[0]! + 32) || (i >= free[1]! && i < free[1]! + 16);
    for (let i = 0; i < free[1]!; i++) {
      if (isFree(i)) continue;
      expect(decryptOwnPkcs8(encrypted.with(i, encrypted[i]! ^ 1), 'secret')).toBeUndefined();
    }
    for (let i = encrypted.length - 64; i < encrypted.length; i++) {
      const opened = decryptOwnPkcs8(encrypted.with(i, encrypted[i]! ^ 1), 'secret');
      expect(opened).not.toEqual(decryptOwnPkcs8(encrypted, 'secret'));
    }
    const foreign = (await createKey('p256')).export({ format: 'der', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'secret' }); // prettier-ignore
    for (const bytes of [new Uint8Array(foreign), new Uint8Array(), encrypted.slice(1), encrypted.slice(0, -1)]) {
      expect(decryptOwnPkcs8(bytes, 'secret')).toBeUndefined();
    }
  });
});
