import { createHash } from 'node:crypto';

/** Crockford's base 32, which leaves out letters that look like digits. */
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 16;
const GROUP = 4;

/**
 * Returns a new code of 80 random bits, too many to guess from its hash in the database. It is written in groups, such
 * as `K7QD-20VN-8XWM-R3TA`.
 */
export function newEmailCode(random: (length: number) => Uint8Array): string {
  // 256 is a multiple of 32: every letter is equally likely.
  const letters = [...random(LENGTH)].map((byte) => LETTERS[byte % LETTERS.length] ?? '').join('');
  return letters.match(new RegExp(`.{${GROUP}}`, 'g'))?.join('-') ?? letters;
}

/** Returns the SHA-256 that is stored for a code. Users may type it without hyphens, in lower case, with O for 0. */
export function emailCodeHash(challengeId: Uint8Array, typed: string): Uint8Array {
  const code = typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1');
  return createHash('sha256').update('glasskey email code v1\0').update(challengeId).update(code).digest();
}
