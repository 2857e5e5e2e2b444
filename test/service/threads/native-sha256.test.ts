import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { installSha256, sha256 } from '../../../src/core/crypto/sha256.ts';
import { installNativeSha256, nativeSha256 } from '../../../src/service/threads/native-sha256.ts';

afterEach(() => installSha256(nobleSha256));

describe('native SHA-256', () => {
  it('equals noble’s for any message, also one that is a part of a larger buffer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(40), (bytes, start) => {
        const message = bytes.subarray(Math.min(start, bytes.length));
        expect(nativeSha256(message)).toEqual(nobleSha256(message));
      }),
      { numRuns: 300 },
    );
  });

  it('equals noble’s around the block size and for a long message', () => {
    for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 100_000]) {
      const message = Uint8Array.from({ length }, (_, i) => (i * 31) & 0xff);
      expect(nativeSha256(message)).toEqual(nobleSha256(message));
    }
  });

  it('gives each caller bytes of its own, and is used once it is installed', () => {
    installNativeSha256();
    const message = Uint8Array.of(1, 2, 3);
    const first = sha256(message);
    first.fill(0);
    expect(sha256(message)).toEqual(nobleSha256(message));
    expect(first.buffer.byteLength).toBe(32);
  });
});
