import { createDecipheriv } from 'node:crypto';
import { argon2id } from '@noble/hashes/argon2.js';
import { describe, expect, it } from 'vitest';
import { formatPem, parsePem } from '../../../src/ca/der/pem.ts';
import { type ClientState, EMPTY_STATE } from '../../../src/client/state/client-state.ts';
import { parseClientState } from '../../../src/client/state/client-state-json.ts';
import { openSealedState, sealState } from '../../../src/client/state/sealed-state.ts';

const LABEL = 'GLASSKEY SEALED STATE';
const PASSPHRASE = 'correct horse battery staple';
const cost = { memoryKib: 8192, passes: 1 };
const code = (expected: string) => expect.objectContaining({ code: expected });
const state: ClientState = { ...EMPTY_STATE, bundle: 'bundle', audit: 'audited' };

/** A sealed text with one byte changed. */
function damage(text: string, index: number): string {
  const sealed = parsePem(LABEL, text);
  sealed[index] = (sealed[index] ?? 0) ^ 1;
  return formatPem(LABEL, sealed);
}

describe('a sealed state', () => {
  it('comes back with its passphrase, and with no other', async () => {
    const text = await sealState(state, PASSPHRASE, { cost });
    expect(text).not.toContain('bundle');
    expect(await openSealedState(text, PASSPHRASE)).toEqual(state);
    await expect(openSealedState(text, `${PASSPHRASE} `)).rejects.toThrow(code('wrong-passphrase'));
    await expect(openSealedState(text, '')).rejects.toThrow(code('wrong-passphrase'));
    expect(await sealState(state, PASSPHRASE, { cost })).not.toBe(text);
  });

  it('is what the specification says', async () => {
    const random = (length: number) => new Uint8Array(length).fill(length);
    const sealed = Buffer.from(parsePem(LABEL, await sealState(state, PASSPHRASE, { cost, random })));
    const header = sealed.subarray(0, 34);
    const [salt, nonce] = [Buffer.alloc(16, 16), Buffer.alloc(12, 12)];
    expect(header).toEqual(Buffer.concat([Buffer.from([1, 0, 0, 0x20, 0, 1]), salt, nonce]));
    expect(sealed.readUInt32BE(34)).toBe(sealed.length - 38);
    const key = argon2id(PASSPHRASE, salt, { m: 8192, t: 1, p: 1, dkLen: 32 });
    const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(header).setAuthTag(sealed.subarray(-16));
    const text = Buffer.concat([decipher.update(sealed.subarray(38, -16)), decipher.final()]).toString();
    expect(parseClientState(text)).toEqual(state);
  });

  it('takes two spellings of one passphrase for the same', async () => {
    const text = await sealState(state, 'Zu\u0308rich im Juli', { cost });
    expect(await openSealedState(text, 'Z\u00FCrich\u00A0im Juli')).toEqual(state);
  });

  it('is refused where it was damaged, before it costs more than it may', async () => {
    const text = await sealState(state, PASSPHRASE, { cost });
    const { length } = parsePem(LABEL, text);
    for (const index of [5, 6, 21, 22, 33, 38, length - 17, length - 16, length - 1]) {
      const opening = openSealedState(damage(text, index), PASSPHRASE);
      await expect(opening, `byte ${index}`).rejects.toThrow(
        code(index === 5 ? 'malformed-encoding' : 'wrong-passphrase'),
      );
    }
    // Format, memory, length.
    for (const index of [0, 1, 34, 37]) {
      await expect(openSealedState(damage(text, index), PASSPHRASE)).rejects.toThrow(code('malformed-encoding'));
    }
    for (const bad of ['', 'x', formatPem(LABEL, new Uint8Array(3)), text + text, text.replaceAll('STATE', 'STALE')]) {
      await expect(openSealedState(bad, PASSPHRASE)).rejects.toThrow(code('malformed-encoding'));
    }
  });

  it('refuses short passphrases and costs out of bounds', async () => {
    await expect(sealState(state, 'seven77', { cost })).rejects.toThrow(code('usage'));
    for (const bad of [
      { memoryKib: 8191, passes: 1 },
      { memoryKib: 2 ** 20, passes: 1 },
      { ...cost, passes: 17 },
      { ...cost, passes: 0.5 },
    ]) {
      await expect(sealState(state, PASSPHRASE, { cost: bad })).rejects.toThrow(code('usage'));
    }
  });

  it('holds a large state', async () => {
    const large = { ...state, audit: 'x'.repeat(8 * 1024 * 1024) };
    expect(await openSealedState(await sealState(large, PASSPHRASE, { cost }), PASSPHRASE)).toEqual(large);
  });
});
