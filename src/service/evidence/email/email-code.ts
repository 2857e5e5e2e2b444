import { createHash } from 'node:crypto';

/** Crockford's base 32: nothing that is read as something else. */
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 16;
const GROUP = 4;

/**
 * A new code of 80 random bits: so many that its hash tells nothing to who reads the database. Written in groups, such as
 * `K7QD-20VN-8XWM-R3TA`.
 */
export function newEmailCode(random: (length: number) => Uint8Array): string {
  // 256 is a multiple of 32: every letter is equally likely.
  const letters = [...random(LENGTH)].map((byte) => LETTERS[byte % LETTERS.length] ?? '').join('');
  return letters.match(new RegExp(`.{${GROUP}}`, 'g'))?.join('-') ?? letters;
}

/** The SHA-256 under which a code is stored; people may type it without hyphens, in lower case, with O for 0. */
export function emailCodeHash(challengeId: Uint8Array, typed: string): Uint8Array {
  const code = typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1');
  return createHash('sha256').update('glasskey email code v1\0').update(challengeId).update(code).digest();
}
