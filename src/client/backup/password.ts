import { ensure } from '../../core/errors.ts';
import { platformRandom } from '../platform.ts';
import { crockfordText } from './crockford.ts';

/** A password for a vault. */
export interface VaultPassword {
  readonly text: string;
  /** True if the user chose it. Otherwise it has to be one of {@link generatePassword}. */
  readonly chosen?: boolean | undefined;
  /**
   * Estimates how many bits a guesser has to try, such as an estimator's `guessesLog10 / Math.log10(2)`. A chosen
   * password then needs {@link MINIMUM_ESTIMATED_BITS}.
   */
  readonly estimateBits?: ((text: string) => number) | undefined;
}

/** Characters of a chosen password at least. */
export const MINIMUM_CHOSEN_LENGTH = 14;
/** Different characters of a chosen password at least. */
const MINIMUM_DISTINCT = 8;
/** Bits that a chosen password needs if an application brings an estimator. */
export const MINIMUM_ESTIMATED_BITS = 50;
/** Characters of a password at most. */
const MAXIMUM_LENGTH = 256;

const GENERATED_SYMBOLS = 16;
const GENERATED = /^[0-9a-hjkmnp-tv-z]{4}(?:-[0-9a-hjkmnp-tv-z]{4}){3}$/;

/** Makes a password of 80 random bits: 4 groups of 4 letters and digits, without those that look alike. */
export function generatePassword(random: (length: number) => Uint8Array = platformRandom): string {
  return crockfordText(random((5 * GENERATED_SYMBOLS) / 8), GENERATED_SYMBOLS).toLowerCase();
}

/**
 * Returns a new password as it goes into OPAQUE: NFC, and every space U+0020, since two keyboards may write it in two
 * ways. Throws `usage` for one that is too easy to guess for whoever runs the vault: one that was not generated, unless
 * `chosen` is set; a chosen one that is short, has few different characters, repeats a part of itself or runs along the
 * alphabet; and one below the estimator's minimum.
 */
export function checkNewPassword({ text, chosen = false, estimateBits }: VaultPassword): string {
  const password = normalizePassword(text);
  ensure(password.length <= MAXIMUM_LENGTH, 'usage', `a password has at most ${MAXIMUM_LENGTH} characters`);
  const characters = Array.from(password);
  const isVaried = new Set(characters).size >= MINIMUM_DISTINCT && !repeats(characters) && !runs(characters);
  ensure(isVaried, 'usage', 'the password repeats itself or follows a sequence: use a generated one');
  if (!chosen) {
    ensure(GENERATED.test(password), 'usage', 'the password was not generated: set `chosen`, and read docs/backup.md');
    return password;
  }
  const isLong = characters.length >= MINIMUM_CHOSEN_LENGTH;
  ensure(isLong, 'usage', `a chosen password has at least ${MINIMUM_CHOSEN_LENGTH} characters`);
  const isHard = estimateBits === undefined || estimateBits(password) >= MINIMUM_ESTIMATED_BITS;
  ensure(isHard, 'usage', `the password has less than ${MINIMUM_ESTIMATED_BITS} bits by the estimate`);
  return password;
}

/** Returns a password as it goes into OPAQUE, however weak. */
export function normalizePassword(text: string): string {
  return text.replaceAll(/\p{Zs}/gu, ' ').normalize('NFC');
}

/** Returns true if the text is a shorter one, repeated: `passwordpassword`, `abcabcab`. */
function repeats(characters: readonly string[]): boolean {
  const longest = Math.floor(characters.length / 2);
  return Array.from({ length: longest }, (_, i) => i + 1).some((period) =>
    characters.every((one, i) => i < period || one === characters[i - period]),
  );
}

/** Returns true if more than half of the characters follow their neighbour by 0 or 1 in the alphabet. */
function runs(characters: readonly string[]): boolean {
  const codes = characters.map((one) => one.codePointAt(0) ?? 0);
  const near = codes.filter((code, i) => i > 0 && Math.abs(code - (codes[i - 1] ?? 0)) <= 1);
  return near.length > characters.length / 2;
}
