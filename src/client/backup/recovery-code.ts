import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { sha256 } from '../../core/crypto/sha256.ts';
import { concatBytes, encodeUtf8, equalBytes } from '../../core/encoding/bytes.ts';
import { decodeError, ensure } from '../../core/errors.ts';
import { platformRandom } from '../platform.ts';
import { crockfordText, crockfordValues } from './crockford.ts';

const SECRET_BYTES = 16;
/** 128 bits of the secret and 12 of its check. */
const SYMBOLS = 28;
const CHECK = encodeUtf8('glasskey recovery code v1\0');
const TICKET = encodeUtf8('glasskey recovery ticket v1\0');

/**
 * Makes a recovery code: 128 random bits with 12 bits that find mistypings, as 7 groups of 4 letters and digits in
 * Crockford's base32. Its owner writes it down; the backup key's `lockedWith` takes its {@link recoveryCodeBytes}.
 */
export function generateRecoveryCode(random: (length: number) => Uint8Array = platformRandom): string {
  const secret = random(SECRET_BYTES);
  return crockfordText(concatBytes(secret, checkOf(secret)), SYMBOLS);
}

/**
 * Returns the 16 secret bytes of a code as its owner types it: in either case, with or without hyphens and spaces, O
 * for 0, I and L for 1. Throws `malformed-encoding` for a mistyped one.
 */
export function recoveryCodeBytes(typed: string): Uint8Array {
  const bytes = crockfordValues(typed, SYMBOLS);
  if (bytes === undefined) throw decodeError('a recovery code has 7 groups of 4 letters and digits');
  const [secret, check] = [bytes.subarray(0, SECRET_BYTES), bytes.subarray(SECRET_BYTES)];
  ensure(equalBytes(checkOf(secret), check), 'malformed-encoding', 'the recovery code is mistyped');
  return secret.slice();
}

/**
 * Returns the ticket of a code, 32 bytes: a vault that keeps its SHA-256 hands the backup to whoever shows it. It says
 * nothing about what opens the backup. Throws `malformed-encoding` for a mistyped code.
 */
export function recoveryTicket(typed: string): Uint8Array {
  return hkdf(nobleSha256, recoveryCodeBytes(typed), undefined, TICKET, 32);
}

/** The first 12 bits of a hash, and four zeros. */
function checkOf(secret: Uint8Array): Uint8Array {
  const [first = 0, second = 0] = sha256(concatBytes(CHECK, secret));
  return Uint8Array.of(first, second & 0xf0);
}
