import { formatHex } from '../../core/encoding/bytes.ts';
import { decodeError } from '../../core/errors.ts';
import { type DerElement, type DerReader, DerTag, readSingle } from '../der/der-reader.ts';
import { readOid } from '../der/der-values.ts';

/** A distinguished name in comparable form. */
export type RelativeNames = readonly RelativeName[];

/** One step of a distinguished name. */
export interface RelativeName {
  /** The attributes as one text. Two relative names are equal exactly if their texts are. */
  readonly text: string;
  /** Sorted by type. */
  readonly attributes: readonly Attribute[];
}

interface Attribute {
  readonly type: string;
  /** Type and value. */
  readonly text: string;
  /** The value without every difference that some program overlooks; undefined if the value is not read as text. */
  readonly looseText: string | undefined;
}

const MAX_ATTRIBUTES = 64;
/** String types that compare as text, ignoring case and repeated spaces (RFC 5280 §7.1). */
const TEXT_TAGS: ReadonlySet<number> = new Set([DerTag.utf8String, DerTag.printableString, DerTag.ia5String]);

/** Reads an encoded `Name` (untrusted) for comparison by RFC 5280 §7.1. Throws `malformed-encoding`. */
export function parseRelativeNames(name: Uint8Array): RelativeNames {
  const sequence = readSingle(name).values;
  const names: RelativeName[] = [];
  let count = 0;
  while (!sequence.done) {
    const name = parseRelativeName(sequence.enter(DerTag.set));
    count += name.attributes.length;
    if (count > MAX_ATTRIBUTES) throw decodeError('distinguished name too large');
    names.push(name);
  }
  return names;
}

/** Reads the contents of one RelativeDistinguishedName (untrusted). Throws `malformed-encoding`. */
export function parseRelativeName(set: DerReader): RelativeName {
  const attributes: Attribute[] = [];
  do {
    if (attributes.length === MAX_ATTRIBUTES) throw decodeError('distinguished name too large');
    const attribute = set.enter();
    attributes.push(parseAttribute(readOid(attribute), attribute.read()));
    attribute.end();
  } while (!set.done);
  return relativeName(attributes);
}

function relativeName(unsorted: readonly Attribute[]): RelativeName {
  const attributes = unsorted.toSorted((a, b) => (a.text < b.text ? -1 : Number(a.text > b.text)));
  return { text: attributes.map(({ text }) => text).join('+'), attributes };
}

function parseAttribute(type: string, { tag, content }: DerElement): Attribute {
  if (!TEXT_TAGS.has(tag)) {
    return { type, text: `${type}=#${tag}:${formatHex(content)}`, looseText: undefined };
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch (error) {
    throw decodeError('invalid UTF-8 in a name', error);
  }
  const folded = text.normalize('NFKC').toLowerCase().normalize('NFKC').trim().replaceAll(/\s+/g, ' ');
  return { type, text: `${type}=${JSON.stringify(folded)}`, looseText: loosen(folded) };
}

/** Characters that RFC 4518 §2 drops, prohibits, or treats in a way of its own. */
const OVERLOOKED = /[\s\p{C}\p{Default_Ignorable_Code_Point}\u1806\ufffc\ufffd]/gu;

/** Drops what programs overlook, and folds case so that "ß" is "ss" (RFC 4518 §2.2). */
function loosen(text: string): string {
  return text.replaceAll(OVERLOOKED, '').toUpperCase().toLowerCase().normalize('NFKC');
}

/** Returns true if two names are the same. */
export function sameNames(a: RelativeNames, b: RelativeNames): boolean {
  return a.length === b.length && a.every(({ text }, i) => text === b[i]?.text);
}
