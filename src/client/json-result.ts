import { formatBase64 } from '../core/encoding/bytes.ts';

/**
 * Returns a copy of a result whose objects `JSON.stringify` can write: byte strings as standard base64, numbers beyond
 * 2^53 as decimal text, times as ISO 8601, maps as objects. The members stay as they are.
 */
export function withJson<T>(result: T): T {
  return copy(result) as T;
}

/** The prototype of results: an object of it is written by `JSON.stringify` as {@link plain} shows it. */
const RESULT: object = Object.defineProperty({}, 'toJSON', {
  value(this: object): unknown {
    return plain({ ...this });
  },
});

function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (!isPlain(value)) return value;
  const result = Object.create(RESULT) as Record<string, unknown>;
  for (const [name, member] of Object.entries(value)) result[name] = copy(member);
  return result;
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return formatBase64(value);
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (value instanceof Set) return plain([...value]);
  if (Array.isArray(value)) return value.map(plain);
  if (!isPlain(value) && !isResult(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function isResult(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === RESULT;
}
