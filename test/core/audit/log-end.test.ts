import { ed25519 } from '@noble/curves/ed25519.js';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  findLogEndLeaf,
  LOG_END_KEY,
  type LogEnd,
  logEndLeaf,
  MAX_LOG_END_BYTES,
  signedLogEndCodec,
  signLogEnd,
  verifyLogEnd,
} from '../../../src/core/audit/log-end.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { testLeaf } from '../../support/static-log.ts';

const SECRET = new Uint8Array(32).fill(3);
const trusted = { origin: 'log.example/a', bundleKey: ed25519.getPublicKey(SECRET) };
const successor = {
  origin: 'log.example/b',
  url: 'https://b.example',
  fingerprint: new Uint8Array(32).fill(1),
  bundleKey: new Uint8Array(32).fill(2),
};
const END: LogEnd = { format: 1, origin: 'log.example/a', position: 41, reason: 'keys were lost', successor };
const sign = async (end: LogEnd): Promise<Uint8Array> =>
  encode(signedLogEndCodec, await signLogEnd(end, async (message) => ed25519.sign(message, SECRET)));
const bad = expect.objectContaining({ code: 'bad-log-end' });

describe('the end of a log', () => {
  let encoded: Uint8Array;
  beforeAll(async () => {
    encoded = await sign(END);
  });
  const entry = { position: 41, leaf: logEndLeaf(END) };

  it('is read where the bundle key signed it and the last entry is bound to it', () => {
    expect(verifyLogEnd(encoded, trusted, entry)).toEqual(END);
    expect(findLogEndLeaf([testLeaf(1), entry.leaf])).toEqual(entry.leaf);
    expect(findLogEndLeaf([testLeaf(1)])).toBeUndefined();
    expect(LOG_END_KEY).toHaveLength(32);
  });

  it('may name no successor, and the longest one fits', async () => {
    const plain = { ...END, successor: undefined };
    expect(verifyLogEnd(await sign(plain), trusted, { ...entry, leaf: logEndLeaf(plain) })).toEqual(plain);
    const long = { ...successor, origin: 'o'.repeat(255), url: 'u'.repeat(1024) };
    const longest = await sign({ ...END, origin: 'o'.repeat(255), reason: 'r'.repeat(255), successor: long });
    expect(longest.length).toBeLessThanOrEqual(MAX_LOG_END_BYTES);
  });

  it('is refused with a bit of any byte flipped', () => {
    for (const [i, byte] of encoded.entries()) {
      const flipped = encoded.with(i, byte ^ (1 << (i % 8)));
      expect(() => verifyLogEnd(flipped, trusted, entry)).toThrow(bad);
    }
  });

  it('is refused for another log, key, entry or leaf', async () => {
    const others = [
      { trusted: { ...trusted, origin: 'log.example/c' }, entry },
      { trusted: { ...trusted, bundleKey: ed25519.getPublicKey(new Uint8Array(32).fill(4)) }, entry },
      { trusted, entry: { ...entry, position: 42 } },
      { trusted, entry: { ...entry, leaf: undefined } },
      { trusted, entry: { ...entry, leaf: logEndLeaf({ ...END, reason: '' }) } },
    ];
    for (const other of others) expect(() => verifyLogEnd(encoded, other.trusted, other.entry)).toThrow(bad);
  });

  it('holds no text that would not be shown as it is', async () => {
    await expect(sign({ ...END, reason: 'a\u001b[2J' })).rejects.toMatchObject({ code: 'value-out-of-range' });
    const at = encoded.findIndex((_, i) => new TextDecoder().decode(encoded.subarray(i, i + 4)) === 'keys');
    expect(() => verifyLogEnd(encoded.with(at, 0x1b), trusted, entry)).toThrow(bad);
  });
});
