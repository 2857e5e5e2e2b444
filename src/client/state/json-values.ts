import { formatBase64, parseBase64 } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';

// The JSON values of a stored state. Every reader throws `state-corrupt` for a value of another kind.

/**
 * Writes byte strings as base64, as a replacer for `JSON.stringify`. Throws `state-corrupt` for a number that is not an
 * integer of 0 to 2^53-1.
 */
export function writeValue(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return formatBase64(value);
  return typeof value === 'number' ? readNumber(value) : value;
}

/** Reads an object as a map, whose keys may be names that mean something to JavaScript. */
export function readMap<T>(value: unknown, read: (value: unknown) => T): ReadonlyMap<string, T> {
  return new Map(Object.entries(readObject(value)).map(([key, entry]) => [key, read(entry)]));
}

/** Returns `value` if it is an object, and no list. */
export function readObject(value: unknown): Record<string, unknown> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  ensure(isObject, 'state-corrupt', 'the state has something else where an object belongs');
  return value as Record<string, unknown>;
}

/** Returns the object if this version knows all its members: it would lose any other one. Throws `state-too-new`. */
export function readFields(json: Record<string, unknown>, known: readonly string[]): Record<string, unknown> {
  assertNotNewer(Object.keys(json).every((name) => known.includes(name)));
  return json;
}

/** Throws `state-too-new` unless `condition` holds. */
export function assertNotNewer(condition: boolean): asserts condition {
  const message =
    'a newer version of Glasskey wrote the state, and this one would lose a part of it. Nothing was changed. ' +
    'Next: update Glasskey, or use another state';
  ensure(condition, 'state-too-new', message);
}

/** Reads each element of a list. */
export function readArray<T>(value: unknown, read: (value: unknown) => T): readonly T[] {
  ensure(Array.isArray(value), 'state-corrupt', 'the state has something else where a list belongs');
  return value.map(read);
}

/** Returns `value` if it is a text. */
export function readText(value: unknown): string {
  ensure(typeof value === 'string', 'state-corrupt', 'the state has something else where a text belongs');
  return value;
}

/** Reads a byte string in canonical base64. */
export function readBytes(value: unknown): Uint8Array {
  return parseBase64(readText(value));
}

/** Returns `value` if it is an integer of 0 to 2^53-1. */
export function readNumber(value: unknown): number {
  ensure(
    Number.isSafeInteger(value) && (value as number) >= 0,
    'state-corrupt',
    'the state has something else where a number belongs',
  );
  return value as number;
}

/** Returns `value` if it is true. */
export function readTrue(value: unknown): true {
  ensure(value === true, 'state-corrupt', 'the state has something else where true belongs');
  return value;
}

/** Returns `value` if it is one of the known keywords. */
export function readOneOf<const T extends string>(known: readonly T[], value: unknown): T {
  const found = known.find((candidate) => candidate === value);
  ensure(found !== undefined, 'state-corrupt', 'the state holds an unknown keyword');
  return found;
}

/** Makes a reader that leaves undefined as it is. */
export function ifPresent<T>(read: (value: unknown) => T): (value: unknown) => T | undefined {
  return (value) => (value === undefined ? undefined : read(value));
}

/** Throws `state-corrupt` unless every hash that is there has 32 bytes. */
export function assertHashes(hashes: readonly (Uint8Array | undefined)[]): void {
  const fits = hashes.every((hash) => hash === undefined || hash.length === 32);
  ensure(fits, 'state-corrupt', 'a hash in the state has the wrong length');
}

/** Throws `state-corrupt` unless each value is above the one before. */
export function assertAscending(values: readonly number[]): void {
  const isAscending = values.every((value, i) => i === 0 || value > (values[i - 1] as number));
  ensure(isAscending, 'state-corrupt', 'a list in the state is out of order');
}
