import { domainToASCII } from 'node:url';
import { ensure } from '../core/errors.ts';

/** RFC 5321 §4.5.3.1, octets. */
const MAX_MAIL_BYTES = 254;
const MAX_LOCAL_BYTES = 64;

/**
 * Returns an untrusted mail address with its domain in lower-case ASCII (RFC 5890); the local part stays as it is. The
 * quoted form, comments, routes and address literals of RFC 5321 are refused, and so is a domain without a dot: the
 * operator's mail server would take these for hosts of its own network. Throws `invalid-request`.
 */
export function canonicalMailAddress(text: string): string {
  const [local = '', domain = '', ...more] = text.split('@');
  const isLocal = /^[^\s\p{C}\p{Z}"(),:;<>[\]\\%?#&]+$/u.test(local) && !/^\.|\.\.|\.$/.test(local);
  const ascii = domainToASCII(domain);
  const isDomain = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/.test(ascii);
  ensure(more.length === 0 && isLocal && isDomain, 'invalid-request', 'the address is not a mail address');
  const address = `${local}@${ascii}`;
  const isShort = Buffer.byteLength(local) <= MAX_LOCAL_BYTES && Buffer.byteLength(address) <= MAX_MAIL_BYTES;
  ensure(isShort, 'invalid-request', 'the mail address is too long');
  return address;
}
