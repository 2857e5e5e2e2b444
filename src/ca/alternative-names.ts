import { encodeUtf8 } from '../core/encoding/bytes.ts';
import { decodeError, ensure } from '../core/errors.ts';
import { DerReader, DerTag, readSingle } from './der/der-reader.ts';
import { asciiText, readOid, utf8Text } from './der/der-values.ts';
import { der, derOid, derSequence } from './der/der-writer.ts';
import { SMTP_UTF8_MAILBOX_OID } from './der/oids.ts';

/** The name that a leaf certificate binds: a mail address, or any other identity as a URI. */
export interface AlternativeName {
  readonly kind: 'email' | 'uri';
  readonly value: string;
}

/** The contents of a subjectAltName extension. */
export interface AlternativeNames {
  /** rfc822Name values: ASCII mail addresses. */
  readonly email: readonly string[];
  /** SmtpUTF8Mailbox values (RFC 9598): mail addresses beyond ASCII. */
  readonly smtpUtf8: readonly string[];
  /** uniformResourceIdentifier values. */
  readonly uri: readonly string[];
  /** True if there are names of other kinds, which this project does not read. */
  readonly other: boolean;
}

/** The names of a certificate without the extension. */
export const NO_NAMES: AlternativeNames = { email: [], smtpUtf8: [], uri: [], other: false };

const OTHER_NAME = 0xa0;
const RFC822_NAME = 0x81;
const URI = 0x86;
/** SmtpUTF8Mailbox values are `[0] EXPLICIT` inside their otherName. */
const OTHER_NAME_VALUE = 0xa0;
const MAX_NAMES = 64;
const MAX_NAME_BYTES = 2048;

/**
 * Reads the value of a subjectAltName extension (RFC 5280 §4.2.1.6; untrusted) of at most `maxNames` names. Throws
 * `malformed-encoding`.
 */
export function parseAlternativeNames(value: Uint8Array, maxNames: number = MAX_NAMES): AlternativeNames {
  const reader = readSingle(value).values;
  const email: string[] = [];
  const smtpUtf8: string[] = [];
  const uri: string[] = [];
  let other = false;
  let count = 0;
  do {
    const { tag, content } = reader.read();
    count += 1;
    if (count > maxNames || content.length > MAX_NAME_BYTES) throw decodeError('subjectAltName too large');
    if (tag === RFC822_NAME) email.push(nonEmpty(asciiText(content)));
    else if (tag === URI) uri.push(nonEmpty(asciiText(content)));
    else if (tag === OTHER_NAME) {
      const mailbox = parseSmtpUtf8Mailbox(content);
      if (mailbox === undefined) other = true;
      else smtpUtf8.push(nonEmpty(mailbox));
    } else other = true;
  } while (!reader.done);
  return { email, smtpUtf8, uri, other };
}

function nonEmpty(text: string): string {
  if (text === '') throw decodeError('empty name');
  return text;
}

/**
 * Reads the mailbox of an otherName's contents (untrusted); undefined for otherNames of other types. Throws
 * `malformed-encoding`.
 */
export function parseSmtpUtf8Mailbox(content: Uint8Array): string | undefined {
  const reader = new DerReader(content);
  if (readOid(reader) !== SMTP_UTF8_MAILBOX_OID) return undefined;
  const value = reader.enter(OTHER_NAME_VALUE);
  reader.end();
  const text = utf8Text(value.read(DerTag.utf8String).content);
  value.end();
  return text;
}

/**
 * Encodes the value of a subjectAltName extension with one name. An ASCII mail address becomes an rfc822Name, another
 * one an SmtpUTF8Mailbox (RFC 9598 §3), and a URI a uniformResourceIdentifier. Throws `value-out-of-range` for control
 * characters, and for a URI beyond ASCII: percent-encode it first.
 */
export function encodeAlternativeName(name: AlternativeName): Uint8Array {
  const bytes = encodeUtf8(name.value);
  const ascii = /^[\x21-\x7e]+$/.test(name.value);
  ensure(bytes.length > 0 && bytes.length <= MAX_NAME_BYTES, 'value-out-of-range', 'name empty or too long');
  if (name.kind === 'uri') {
    ensure(ascii, 'value-out-of-range', 'a URI must be ASCII without spaces');
    return derSequence(der(URI, bytes));
  }
  if (ascii) return derSequence(der(RFC822_NAME, bytes));
  ensure(
    !/[\p{Cc}\p{Zs}\p{Cs}]/u.test(name.value),
    'value-out-of-range',
    'a mail address must not hold control characters',
  );
  const mailbox = der(OTHER_NAME_VALUE, der(DerTag.utf8String, bytes));
  return derSequence(der(OTHER_NAME, derOid(SMTP_UTF8_MAILBOX_OID), mailbox));
}
