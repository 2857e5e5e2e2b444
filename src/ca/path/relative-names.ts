import { formatHex } from '../../core/encoding/bytes.ts';
import { decodeError } from '../../core/errors.ts';
import { DerTag, readSingle } from '../der/der-reader.ts';
import { readOid } from '../der/der-values.ts';

/**
 * A distinguished name in comparable form: one text for each relative name, its attributes sorted. Two names are equal
 * exactly if their texts are.
 */
export type RelativeNames = readonly string[];

const MAX_ATTRIBUTES = 64;
/** String types that compare as text, ignoring case and repeated spaces (RFC 5280 §7.1). */
const TEXT_TAGS: ReadonlySet<number> = new Set([DerTag.utf8String, DerTag.printableString, DerTag.ia5String]);

/** Reads an encoded `Name` (untrusted) for comparison by RFC 5280 §7.1. Throws `malformed-encoding`. */
export function parseRelativeNames(name: Uint8Array): RelativeNames {
  const sequence = readSingle(name).values;
  const names: string[] = [];
  let count = 0;
  while (!sequence.done) {
    const set = sequence.enter(DerTag.set);
    const attributes: string[] = [];
    do {
      count += 1;
      if (count > MAX_ATTRIBUTES) throw decodeError('distinguished name too large');
      const attribute = set.enter();
      const oid = readOid(attribute);
      const { tag, content } = attribute.read();
      attribute.end();
      attributes.push(`${oid}=${comparable(tag, content)}`);
    } while (!set.done);
    names.push(attributes.toSorted().join('+'));
  }
  return names;
}

function comparable(tag: number, content: Uint8Array): string {
  if (!TEXT_TAGS.has(tag)) return `#${tag}:${formatHex(content)}`;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch (error) {
    throw decodeError('invalid UTF-8 in a name', error);
  }
  const folded = text.normalize('NFKC').toLowerCase().normalize('NFKC').trim().replaceAll(/\s+/g, ' ');
  return JSON.stringify(folded);
}

/** Returns true if two names are the same. */
export function sameNames(a: RelativeNames, b: RelativeNames): boolean {
  return a.length === b.length && isWithin(a, b);
}

/** Returns true if `name` is in the subtree of names that begin with `base` (RFC 5280 §4.2.1.10). */
export function isWithin(name: RelativeNames, base: RelativeNames): boolean {
  return base.length <= name.length && base.every((one, i) => one === name[i]);
}
