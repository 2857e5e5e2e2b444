import { ensure } from '../core/errors.ts';

/** Longest text of an address, UTF-8 bytes. */
export const MAX_ADDRESS_BYTES = 2048;

/**
 * Returns an untrusted https URL in canonical form. Userinfo, fragments, backslashes and invisible characters are
 * refused: parsers disagree about them, and a reader takes them for another host. The WHATWG parser writes numbers of
 * any base as an IP address, so `0x7f.1` becomes `127.0.0.1`. `SafeEgress` judges where the host leads. Throws
 * `invalid-request`, without the URL.
 */
export function canonicalHttpsUrl(text: string): string {
  ensure(/^https:\/\/[^/?\s\\\p{C}][^\s\\\p{C}]*$/iu.test(text), 'invalid-request', 'the address is not an https URL');
  ensure(URL.canParse(text), 'invalid-request', 'the address is not an https URL');
  const url = new URL(text);
  const isPlain = url.protocol === 'https:' && url.username === '' && url.password === '';
  ensure(isPlain && !text.includes('#'), 'invalid-request', 'an https address has no user, password or fragment');
  // `https://@host` has an empty user, which the parser drops without a word.
  ensure(!/^https:\/\/[^/?]*@/i.test(text), 'invalid-request', 'an https address has no user, password or fragment');
  ensure(!url.hostname.endsWith('.'), 'invalid-request', 'the host of an address ends with a dot');
  ensure(Buffer.byteLength(url.href) <= MAX_ADDRESS_BYTES, 'invalid-request', 'the address is too long');
  return url.href;
}
