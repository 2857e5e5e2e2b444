import { encodeUtf8 } from '../core/encoding/bytes.ts';
import { decodeError } from '../core/errors.ts';
import { DerTag, readSingle } from './der/der-reader.ts';
import { asciiText, readOid, utf8Text } from './der/der-values.ts';
import { der, derOid, derSequence } from './der/der-writer.ts';
import { COMMON_NAME_OID } from './der/oids.ts';

/** A distinguished name, as far as it is read here. */
export interface DistinguishedName {
  /** The encoded `Name`. Compare names by these bytes. */
  readonly der: Uint8Array;
  readonly empty: boolean;
  readonly commonNames: readonly string[];
  /** Values of the legacy emailAddress attribute (RFC 5280 §4.1.2.6). */
  readonly emailAddresses: readonly string[];
}

const EMAIL_ADDRESS_OID = '1.2.840.113549.1.9.1';
const MAX_ATTRIBUTES = 64;
const BMP_STRING = 0x1e;

/**
 * Reads an encoded `Name` (RFC 5280 §4.1.2.4; untrusted). `isLenient` reads deprecated string types as well. Throws
 * `malformed-encoding`.
 */
export function parseDistinguishedName(name: Uint8Array, isLenient = false): DistinguishedName {
  const sequence = readSingle(name).values;
  const commonNames: string[] = [];
  const emailAddresses: string[] = [];
  let count = 0;
  const empty = sequence.done;
  while (!sequence.done) {
    const set = sequence.enter(DerTag.set);
    do {
      count += 1;
      if (count > MAX_ATTRIBUTES) throw decodeError('distinguished name too large');
      const attribute = set.enter();
      const oid = readOid(attribute);
      const { tag, content } = attribute.read();
      attribute.end();
      if (oid === COMMON_NAME_OID) commonNames.push(directoryText(tag, content, isLenient));
      if (oid === EMAIL_ADDRESS_OID) emailAddresses.push(directoryText(tag, content, isLenient));
    } while (!set.done);
  }
  return { der: name, empty, commonNames, emailAddresses };
}

/** Encodes a `Name` of one common name, a UTF8String. */
export function encodeCommonName(commonName: string): Uint8Array {
  const attribute = derSequence(derOid(COMMON_NAME_OID), der(DerTag.utf8String, encodeUtf8(commonName)));
  return derSequence(der(DerTag.set, attribute));
}

/** Decodes a DirectoryString or IA5String, and the deprecated string types only if `isLenient`. */
function directoryText(tag: number, content: Uint8Array, isLenient: boolean): string {
  if (tag === DerTag.utf8String) return utf8Text(content);
  if (isLenient) return new TextDecoder(tag === BMP_STRING ? 'utf-16be' : 'latin1').decode(content);
  if (tag === DerTag.printableString || tag === DerTag.ia5String) return asciiText(content);
  throw decodeError(`name attribute of unsupported string type ${tag}`);
}
