import { generateKeyPairSync, generatePrimeSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { der, derBitString, derOid, derSequence, derUnsigned } from '../../src/ca/der/der-writer.ts';
import { parsePublicKey } from '../../src/ca/public-key.ts';
import { assertStrongRsa } from '../../src/ca/rsa-strength.ts';
import { parseHex } from '../../src/core/encoding/bytes.ts';
import { spkiOf } from './support.ts';

const weak = expect.objectContaining({ code: 'weak-key' });

function check(modulus: bigint): void {
  const hex = modulus.toString(16);
  const number = derUnsigned(parseHex(hex.padStart(hex.length + (hex.length % 2), '0')));
  const key = derSequence(number, derUnsigned(Uint8Array.of(1, 0, 1)));
  const spki = derSequence(derSequence(derOid('1.2.840.113549.1.1.1'), der(5)), derBitString(key));
  assertStrongRsa(parsePublicKey(spki));
}

/** The least prime above `from`, by the probability test of Fermat to base 2. */
function nextPrime(from: bigint): bigint {
  const isPrime = (n: bigint): boolean => {
    let result = 1n;
    let base = 2n;
    for (let e = n - 1n; e > 0n; e >>= 1n) {
      if ((e & 1n) === 1n) result = (result * base) % n;
      base = (base * base) % n;
    }
    return result === 1n;
  };
  const hasSmallFactor = (n: bigint): boolean =>
    [3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n].some((prime) => n % prime === 0n);
  let candidate = (from | 1n) + 2n;
  while (hasSmallFactor(candidate) || !isPrime(candidate)) candidate += 2n;
  return candidate;
}

describe('assertStrongRsa', () => {
  it('passes ordinary keys', () => {
    for (let i = 0; i < 3; i++) {
      const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      assertStrongRsa(parsePublicKey(spkiOf(publicKey)));
    }
  });

  it('refuses a small factor', () => {
    const large = generatePrimeSync(2040, { bigint: true });
    for (const small of [251n, 307n, 751n]) expect(() => check(large * small)).toThrow(weak);
  });

  it('refuses the structure of the ROCA generator', () => {
    const primes = Array.from({ length: 200 }, (_, i) => i + 2).filter(
      (n) => n <= 167 && [...Array(n).keys()].slice(2).every((d) => n % d),
    );
    const product = primes.reduce((all, prime) => all * BigInt(prime), 1n);
    let residue = 65537n ** 3n % product;
    residue += product * ((1n << 2047n) / product);
    while (residue % 2n === 0n || residue < 1n << 2047n) residue += product;
    expect(() => check(residue)).toThrow(weak);
  });

  it('refuses neighbouring primes', () => {
    const p = generatePrimeSync(1024, { bigint: true });
    expect(() => check(p * nextPrime(p))).toThrow(weak);
    expect(() => check(p * p)).toThrow(weak);
  });
});
