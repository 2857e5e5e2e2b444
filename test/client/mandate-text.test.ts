import { describe, expect, it } from 'vitest';
import { formatMandate, MAX_CLAIMED_VERSIONS, type Mandate, parseMandate } from '../../src/client/mandate-text.ts';
import { mlDsaSizes } from '../../src/core/crypto/ml-dsa-sets.ts';

const filled = (length: number): Uint8Array => new Uint8Array(length).fill(7);

describe('the longest mandate', () => {
  it('by an ML-DSA-65 key about a long name is read', () => {
    const { publicKey, signature } = mlDsaSizes('ml-dsa-65');
    const mandate: Mandate = {
      origin: 'o'.repeat(255),
      label: filled(255),
      watcher: filled(32),
      number: Number.MAX_SAFE_INTEGER,
      expiresMs: Number.MAX_SAFE_INTEGER,
      addressesHash: filled(32),
      versions: Array.from({ length: MAX_CLAIMED_VERSIONS }, (_, version) => ({ version, commitment: filled(32) })),
      signer: filled(publicKey + 22),
      signature: filled(signature),
    };
    expect(parseMandate(formatMandate(mandate))).toEqual(mandate);
  });
});
