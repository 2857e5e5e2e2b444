import { decodeUtf8 } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';

/** Most bytes of a reply, with all of its headers. */
export const MAX_REPLY_BYTES = 128 * 1024;

const MAX_HEADERS = 256;
const MAX_HEADER_CHARACTERS = 64 * 1024;
const BEGIN = '-----BEGIN ACME RESPONSE-----';
const END = '-----END ACME RESPONSE-----';

/** A header of a mail. */
export interface MailHeader {
  /** In lower case. */
  readonly name: string;
  /** On one line. */
  readonly value: string;
}

/** A mail as far as a reply needs it (RFC 5322). Nothing in it is authenticated. */
export interface ReplyMail {
  /** In their order, the newest at the top. */
  readonly headers: readonly MailHeader[];
  /** Between the lines of an ACME response (RFC 8823 §3.2), without white space. */
  readonly response: string;
}

interface Part {
  readonly headers: readonly MailHeader[];
  /** One character for each byte. Lines end with a line feed. */
  readonly body: string;
}

/**
 * Parses an untrusted mail. Its text is `text/plain`, or the first part of a `multipart/alternative`, and holds one
 * ACME response. Throws `invalid-request` for any other mail.
 */
export function readReplyMail(bytes: Uint8Array): ReplyMail {
  refuseUnless(bytes.length <= MAX_REPLY_BYTES, 'the mail is too long');
  const { headers, body } = partOf(Buffer.from(bytes).toString('latin1').replaceAll('\r\n', '\n'));
  return { headers, response: responseIn(textOf({ headers, body })) };
}

/** Returns the value of the one header of a name. Throws `invalid-request` if there is none, or another one. */
export function onlyHeader(headers: readonly MailHeader[], name: string): string {
  const [found, ...others] = headers.filter((header) => header.name === name);
  refuseUnless(found !== undefined && others.length === 0, `the mail has not exactly one ${name}`);
  return found.value;
}

/** Returns the only address in a header such as From, untrusted. Throws `invalid-request`. */
export function onlyAddress(value: string): string {
  const [, bracketed, bare] =
    /^(?:(?:"[^"\\<>]*" *|[^"<>,;:()@\\]*)<([^<>\s,;]+)>|([^<>\s,;:()"\\]+))$/.exec(value) ?? [];
  const address = bracketed ?? bare;
  refuseUnless(address?.includes('@') === true, 'a header does not hold exactly one address');
  return address;
}

/** Splits text into headers and body. Throws `invalid-request`. */
function partOf(text: string): Part {
  const end = text.indexOf('\n\n');
  refuseUnless(
    end >= 0 && end <= MAX_HEADER_CHARACTERS && !text.slice(0, end).includes('\r'),
    'no headers, or too long ones',
  );
  const lines = text
    .slice(0, end)
    .replaceAll(/\n[ \t]+/g, ' ')
    .split('\n');
  refuseUnless(lines.length <= MAX_HEADERS, 'too many headers');
  const headers = lines.map((line) => {
    const [, name, value] = /^([!-9;-~]{1,80}):(.*)$/.exec(line) ?? [];
    refuseUnless(name !== undefined && value !== undefined, 'a line is no header');
    return { name: name.toLowerCase(), value: utf8(value.trim()) };
  });
  return { headers, body: text.slice(end + 2) };
}

function textOf(part: Part, isInside = false): string {
  const type = one(part.headers, 'content-type', 'text/plain');
  if (/^text\/plain *(?:;|$)/i.test(type)) return decoded(part);
  const [, quoted, plain] =
    /^multipart\/alternative *;.*\bboundary=(?:"([^"]{1,70})"|([^\s";]{1,70}))/i.exec(type) ?? [];
  const boundary = quoted ?? plain;
  refuseUnless(boundary !== undefined && !isInside, 'the mail is not plain text');
  const [, first, last] = `\n${part.body}`.split(`\n--${boundary}`, 3);
  refuseUnless(first !== undefined && last !== undefined, 'the parts of the mail cannot be read');
  return textOf(partOf(first.replace(/^[ \t]*\n/, '')), true);
}

function decoded({ headers, body }: Part): string {
  const encoding = one(headers, 'content-transfer-encoding', '7bit').toLowerCase();
  if (encoding === '7bit' || encoding === '8bit') return body;
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('latin1').replaceAll('\r\n', '\n');
  refuseUnless(encoding === 'quoted-printable', 'the encoding of the mail is unknown');
  const whole = body.replaceAll(/=[ \t]*\n/g, '');
  return whole.replaceAll(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function one(headers: readonly MailHeader[], name: string, otherwise: string): string {
  return headers.some((header) => header.name === name) ? onlyHeader(headers, name) : otherwise;
}

function responseIn(text: string): string {
  const [before, inside, another] = text.split(BEGIN, 3);
  const [response, after] = (inside ?? '').split(END, 2);
  const isOne = another === undefined && response !== undefined && after !== undefined;
  refuseUnless(isOne && (before === '' || before?.endsWith('\n') === true), 'the mail does not hold one ACME response');
  const digits = response.replaceAll(/\s/g, '');
  refuseUnless(/^[A-Za-z0-9_-]{43}$/.test(digits), 'the ACME response is not base64url of a SHA-256');
  return digits;
}

function utf8(text: string): string {
  try {
    return decodeUtf8(Buffer.from(text, 'latin1'));
  } catch (cause) {
    throw new GlasskeyError('invalid-request', 'a header is not UTF-8', { cause });
  }
}

function refuseUnless(condition: boolean, message: string): asserts condition {
  ensure(condition, 'invalid-request', message);
}
