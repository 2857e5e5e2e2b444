import * as fc from 'fast-check';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import type { PrefixLeaf } from '../../../src/core/keytrans/proofs.ts';

/**
 * Search keys: evenly spread, or with few different bits at few places, so that deep spines, chains of tiles with one
 * child and neighbours that differ late are common.
 */
export const keyArbitrary: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  fc.uniqueArray(fc.constantFrom(0, 1, 3, 4, 5, 8, 15, 16, 40, 120, 253, 254), { maxLength: 5 }).map((ones) => {
    const key = new Uint8Array(32);
    for (const place of ones) key[place >> 3]! |= 0x80 >> (place & 7);
    return key;
  }),
);

export const leafArbitrary: fc.Arbitrary<PrefixLeaf> = fc.record({
  vrfOutput: keyArbitrary,
  commitment: fc.uint8Array({ minLength: 32, maxLength: 32 }),
});

/** Leaves with different keys. */
export function leavesArbitrary(maxLength: number, minLength = 0): fc.Arbitrary<PrefixLeaf[]> {
  return fc.uniqueArray(leafArbitrary, { minLength, maxLength, selector: (leaf) => formatHex(leaf.vrfOutput) });
}
