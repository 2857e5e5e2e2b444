import { concatBytes } from '../../../src/core/encoding/bytes.ts';
import { type Codec, encode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';

/** Numbers in [0, 1). */
export type Random = () => number;

/** An integer of 0 to `count` - 1. */
export function pick(random: Random, count: number): number {
  return Math.floor(random() * count);
}

/** One of some values. */
export function choose<T>(random: Random, values: readonly T[]): T {
  return values[pick(random, values.length)] as T;
}

/** Attempts to encode a damaged value before its bytes are damaged instead. */
const ATTEMPTS = 4;

/**
 * The bytes of a response after damage in one to three places: of its bits, or of its parts (elements lost, repeated,
 * exchanged, moved; numbers and hashes changed; parts of `others`, answers to other requests, in the place of its own).
 */
export function damaged<T>(random: Random, codec: Codec<T>, response: T, others: readonly T[]): Uint8Array {
  const places = 1 + pick(random, 3);
  if (random() < 0.6) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      let value: unknown = response;
      for (let i = 0; i < places; i++) value = damagedPart(random, value, others);
      try {
        return encode(codec, value as T);
      } catch (error) {
        // What has no encoding cannot be sent; a part of another type can fail in any way.
        if (!isGlasskeyError(error) && !(error instanceof TypeError)) throw error;
      }
    }
  }
  const other = encode(codec, choose(random, others));
  let bytes = encode(codec, response);
  for (let i = 0; i < places; i++) bytes = damagedBytes(random, bytes, other);
  return bytes;
}

function damagedBytes(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  if (bytes.length === 0) return randomBytes(random, 1);
  const at = pick(random, bytes.length);
  const length = 1 + pick(random, random() < 0.5 ? 4 : 70);
  const before = bytes.subarray(0, at);
  switch (pick(random, 7)) {
    case 0:
      return bytes.with(at, pick(random, 256));
    case 1:
      return concatBytes(before, bytes.subarray(at + length));
    case 2:
      return concatBytes(before, randomBytes(random, length), bytes.subarray(at));
    case 3:
      return concatBytes(before, other.subarray(at, at + length), bytes.subarray(at + length));
    case 4:
      return concatBytes(before, bytes.subarray(at, at + length), bytes.subarray(at));
    case 5:
      // Counts and enumerations.
      return bytes.with(at, ((bytes[at] as number) + (random() < 0.5 ? 1 : 255)) % 256);
    default:
      return bytes.with(at, (bytes[at] as number) ^ (1 << pick(random, 8)));
  }
}

/** A value with damage in one part of it. `others` are values of the same type. */
function damagedPart(random: Random, value: unknown, others: readonly unknown[]): unknown {
  if (others.length > 0 && random() < 0.15) return choose(random, others);
  if (typeof value === 'number') return damagedNumber(random, value);
  if (value instanceof Uint8Array) return damagedHash(random, value);
  if (Array.isArray(value)) return damagedList(random, value as readonly unknown[], others.filter(isList));
  if (typeof value === 'object' && value !== null) return damagedObject(random, value, others.filter(isObject));
  if (value === undefined)
    return choose(random, [0, pick(random, 10), randomBytes(random, 32), randomBytes(random, 64)]);
  return value;
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !isList(value);

function damagedNumber(random: Random, value: number): number {
  const others = [value + 1, value - 1, value + 1000, 0, 2 * value, pick(random, 64), 2 ** 32 - 1, 2 ** 53 - 1];
  return Math.max(0, choose(random, others));
}

function damagedHash(random: Random, value: Uint8Array): Uint8Array {
  switch (pick(random, 5)) {
    case 0:
      return new Uint8Array(value.length);
    case 1:
      return randomBytes(random, value.length);
    case 2:
      return value.slice(1);
    case 3:
      return concatBytes(value, Uint8Array.of(0));
    default: {
      const at = pick(random, value.length);
      return value.length === 0 ? Uint8Array.of(0) : value.with(at, (value[at] as number) ^ (1 << pick(random, 8)));
    }
  }
}

function damagedList(random: Random, list: readonly unknown[], others: readonly (readonly unknown[])[]): unknown {
  const foreign = others.flat();
  const at = pick(random, list.length);
  if (list.length === 0) return foreign.length === 0 ? [new Uint8Array(32)] : [choose(random, foreign)];
  switch (pick(random, 9)) {
    case 0:
      return list.toSpliced(at, 1);
    case 1:
      return list.toSpliced(at, 0, list[at]);
    case 2: {
      const to = pick(random, list.length);
      return list.with(at, list[to]).with(to, list[at]);
    }
    case 3:
      return list.toReversed();
    case 4:
      return list.slice(0, at);
    case 5:
      return foreign.length === 0 ? [] : list.toSpliced(at, pick(random, 2), choose(random, foreign));
    default:
      return list.with(at, damagedPart(random, list[at], foreign));
  }
}

function damagedObject(random: Random, value: object, others: readonly object[]): unknown {
  const name = choose(random, Object.keys(value));
  const at = (one: object): unknown => (one as Record<string, unknown>)[name];
  if (name === 'type' && others.length > 0) return { ...value, type: at(choose(random, others)) };
  return { ...value, [name]: damagedPart(random, at(value), others.map(at)) };
}

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => pick(random, 256));
}
