import { GlasskeyError } from '../core/errors.ts';

/** JSON values that have one canonical text: no fractions, no null. */
export type CanonicalValue =
  | string
  | number
  | boolean
  | readonly CanonicalValue[]
  | { readonly [name: string]: CanonicalValue | undefined };

/**
 * Returns the canonical text of `value`: RFC 8785 (members sorted by UTF-16 code units, no white space), restricted to
 * integers of at most 2^53-1 and well-formed strings. Omits members that are `undefined`. Throws `value-out-of-range`.
 */
export function canonicalJson(value: CanonicalValue): string {
  if (typeof value === 'string') return canonicalString(value);
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return canonicalInteger(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members: string[] = [];
  for (const name of Object.keys(value).sort()) {
    const member = value[name];
    if (member !== undefined) members.push(`${canonicalString(name)}:${canonicalJson(member)}`);
  }
  return `{${members.join(',')}}`;
}

function isArray(value: CanonicalValue): value is readonly CanonicalValue[] {
  return Array.isArray(value);
}

function canonicalString(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new GlasskeyError('value-out-of-range', 'string with a lone surrogate');
  return JSON.stringify(text);
}

function canonicalInteger(value: number): string {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    throw new GlasskeyError('value-out-of-range', 'number is not an integer of at most 2^53-1');
  }
  return String(value);
}
