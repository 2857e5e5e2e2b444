import { encodeUtf8 } from '../core/encoding/bytes.ts';
import { canonicalDomain } from './canonical-domain.ts';
import { canonicalName, refusal } from './name-characters.ts';
import { decodePercent } from './percent-encoding.ts';

/** A canonical `user@host`. */
export interface UserAtHost {
  /** Folded to lower case; UTF-8 of at most 64 bytes. */
  readonly user: string;
  /** ASCII: see `canonicalDomain`. */
  readonly host: string;
}

/**
 * ASCII characters of a user part: RFC 5322 atom characters that need no escape in a mailto or acct URI (RFC 6068 §2,
 * RFC 7565 §7), so that there is one way to write it. This excludes quotes, spaces, `# % & / = ? ^ { | }` and the
 * backquote.
 */
const USER = /^[a-z0-9!$'*+_~.\u{80}-\u{10ffff}-]+$/u;

/**
 * Returns the canonical form of `user@host`. With `uri`, the user part may be percent-encoded. Requires exactly one
 * `@`. Dots in the user part must stand between other characters, and the local part must not be quoted. Throws
 * `invalid-identity`.
 */
export function canonicalUserAtHost(text: string, { uri }: { readonly uri: boolean }): UserAtHost {
  const at = text.indexOf('@');
  if (at < 0 || at !== text.lastIndexOf('@')) throw refusal('is not of the form user@host');
  const typed = text.slice(0, at);
  const user = canonicalName(uri ? decodePercent(typed) : typed, { fold: true });
  if (user === '') throw refusal('has nothing before the @');
  if (!USER.test(user)) throw refusal('has a character before the @ that is not allowed there');
  if (user.startsWith('.') || user.endsWith('.') || user.includes('..')) throw refusal('has a misplaced dot');
  if (encodeUtf8(user).length > 64) throw refusal('has more than 64 bytes before the @');
  return { user, host: canonicalDomain(text.slice(at + 1)) };
}
