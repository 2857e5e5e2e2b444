import { sha256 as nobleSha256, sha512 as nobleSha512 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { installSha256, sha256 } from '../../src/core/crypto/sha256.ts';
import { installSha512, sha512 } from '../../src/core/crypto/sha512.ts';
import { installNativeHashes, nativeSha256, nativeSha512 } from '../../src/native/native-hashes.ts';

afterEach(() => {
  installSha256(nobleSha256);
  installSha512(nobleSha512);
});

describe.each([
  { name: 'SHA-256', hash: sha256, native: nativeSha256, noble: nobleSha256, size: 32 },
  { name: 'SHA-512', hash: sha512, native: nativeSha512, noble: nobleSha512, size: 64 },
])('native $name', ({ hash, native, noble, size }) => {
  it('equals noble’s for any message, also one that is a part of a larger buffer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(40), (bytes, start) => {
        const message = bytes.subarray(Math.min(start, bytes.length));
        expect(native(message)).toEqual(noble(message));
      }),
      { numRuns: 300 },
    );
  });

  it('equals noble’s around the block size and for a long message', () => {
    for (const length of [0, 1, 55, 56, 63, 64, 65, 111, 112, 119, 120, 128, 129, 100_000]) {
      const message = Uint8Array.from({ length }, (_, i) => (i * 31) & 0xff);
      expect(native(message)).toEqual(noble(message));
    }
  });

  it('gives each caller bytes of its own, and is used once it is installed', () => {
    installNativeHashes();
    const message = Uint8Array.of(1, 2, 3);
    const first = hash(message);
    first.fill(0);
    expect(hash(message)).toEqual(noble(message));
    expect(first.buffer.byteLength).toBe(size);
  });
});
