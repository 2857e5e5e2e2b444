import { formatHex } from '../../core/encoding/bytes.ts';
import { decodeError } from '../../core/errors.ts';
import { parseSmtpUtf8Mailbox } from '../alternative-names.ts';
import { type DerElement, DerReader, readSingle } from '../der/der-reader.ts';
import { asciiText, readOid } from '../der/der-values.ts';
import { parseRelativeNames, type RelativeNames } from './relative-names.ts';

/** A name in a subjectAltName or nameConstraints extension (RFC 5280 §4.2.1.6), as far as it is read here. */
export type GeneralName =
  | { readonly kind: 'email' | 'dns' | 'uri'; readonly value: string }
  /** An address of 4 or 16 bytes. In a constraint, as many bytes of mask follow. */
  | { readonly kind: 'ip'; readonly value: Uint8Array }
  | { readonly kind: 'directory'; readonly value: RelativeNames }
  /** An otherName by its type, or another form by its tag. */
  | { readonly kind: 'other'; readonly value: string };

const MAX_NAMES = 1_024;
const OTHER_NAME = 0xa0;

/**
 * Reads the GeneralNames in the value of an extension (untrusted). An SmtpUTF8Mailbox is a mail address as well as an
 * otherName: constraints on mail addresses hold for it (RFC 9598 §6). Throws `malformed-encoding`.
 */
export function parseGeneralNames(value: Uint8Array): readonly GeneralName[] {
  const reader = readSingle(value).values;
  const names: GeneralName[] = [];
  do {
    if (names.length >= MAX_NAMES) throw decodeError('too many names');
    const element = reader.read();
    names.push(parseGeneralName(element));
    const mailbox = element.tag === OTHER_NAME ? parseSmtpUtf8Mailbox(element.content) : undefined;
    if (mailbox !== undefined) names.push({ kind: 'email', value: mailbox });
  } while (!reader.done);
  return names;
}

/** Returns a text that is the same for two names exactly if they are. Forms that are not read in full have none. */
export function nameKey({ kind, value }: Exclude<GeneralName, { kind: 'other' }>): string {
  if (kind === 'ip') return `ip:${formatHex(value)}`;
  if (kind === 'directory') return `directory:${JSON.stringify(value.map(({ text }) => text))}`;
  return `${kind}:${value}`;
}

/** Reads one GeneralName (untrusted). Throws `malformed-encoding`. */
export function parseGeneralName({ tag, content }: DerElement): GeneralName {
  switch (tag) {
    case 0x81:
      return { kind: 'email', value: asciiText(content) };
    case 0x82:
      return { kind: 'dns', value: asciiText(content) };
    case 0x86:
      return { kind: 'uri', value: asciiText(content) };
    case 0x87:
      return { kind: 'ip', value: content };
    case 0xa4:
      return { kind: 'directory', value: parseRelativeNames(content) };
    case OTHER_NAME:
      return { kind: 'other', value: readOid(new DerReader(content)) };
    case 0x88:
    case 0xa3:
    case 0xa5:
      return { kind: 'other', value: `[${tag & 0x1f}]` };
    default:
      throw decodeError('not a GeneralName');
  }
}
