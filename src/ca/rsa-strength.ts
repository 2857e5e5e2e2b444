import { formatHex } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import type { PublicKey } from './public-key.ts';

/** Odd primes below 752: the CA/Browser Forum's requirements (§6.1.6) ask for division by them. */
const SMALL_PRIMES = primesBelow(752);

/** Products of small primes below 2^50, so that one division of the modulus serves several primes. */
const PRIME_GROUPS = groupPrimes();

/** For the primes up to 167: the possible residues of a key from the faulty "ROCA" generator (CVE-2017-15361). */
const ROCA_RESIDUES = new Map(
  SMALL_PRIMES.filter((prime) => prime <= 167).map((prime) => [prime, powersOf65537(prime)]),
);

const FERMAT_ROUNDS = 100;
const SQUARES_MOD_4032 = new Set(Array.from({ length: 4032 }, (_, root) => (root * root) % 4032));

/**
 * Refuses RSA keys that anybody can factor: a modulus with a prime factor below 752, from the ROCA generator, or with
 * two neighbouring prime factors (100 rounds of Fermat's method). Other kinds of keys pass. Throws `weak-key`.
 */
export function assertStrongRsa(key: PublicKey): void {
  if (key.keyType !== 'rsa') return;
  const modulus = BigInt(`0x${formatHex(key.modulus)}`);
  let roca = true;
  for (const { product, primes } of PRIME_GROUPS) {
    const rest = Number(modulus % product);
    for (const prime of primes) {
      const residue = rest % prime;
      ensure(residue !== 0, 'weak-key', 'RSA modulus with a small factor');
      if (ROCA_RESIDUES.get(prime)?.has(residue) === false) roca = false;
    }
  }
  ensure(!roca, 'weak-key', 'RSA key from a generator known to be broken');
  ensure(!hasCloseFactors(modulus), 'weak-key', 'RSA modulus whose factors are too close');
}

function primesBelow(limit: number): number[] {
  const primes: number[] = [];
  for (let n = 3; n < limit; n += 2) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}

function groupPrimes(): { product: bigint; primes: number[] }[] {
  const groups: { product: bigint; primes: number[] }[] = [];
  let primes: number[] = [];
  let product = 1;
  for (const prime of SMALL_PRIMES) {
    if (product * prime >= 2 ** 50) {
      groups.push({ product: BigInt(product), primes });
      [primes, product] = [[], 1];
    }
    primes.push(prime);
    product *= prime;
  }
  groups.push({ product: BigInt(product), primes });
  return groups;
}

function powersOf65537(prime: number): Set<number> {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * 65537) % prime) powers.add(power);
  return powers;
}

/** Returns true if modulus = a² - b² for one of the first `FERMAT_ROUNDS` values of a above its square root. */
function hasCloseFactors(modulus: bigint): boolean {
  let a = squareRoot(modulus);
  if (a * a < modulus) a += 1n;
  let difference = a * a - modulus;
  for (let round = 0; round < FERMAT_ROUNDS; round++) {
    if (SQUARES_MOD_4032.has(Number(difference % 4032n))) {
      const b = squareRoot(difference);
      if (b * b === difference) return true;
    }
    difference += 2n * a + 1n;
    a += 1n;
  }
  return false;
}

/** The integer square root: Newton's method from above. */
function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  const bits = value.toString(16).length * 4;
  const shift = BigInt(Math.max(0, (bits - 100) & ~1));
  const guess = BigInt(Math.ceil(Math.sqrt(Number(value >> shift)))) + 1n;
  let root = (guess + (guess >> 40n) + 1n) << (shift / 2n);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
