import { parseBase64 } from '../core/encoding/bytes.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import { GlasskeyError } from '../core/errors.ts';

/** Bounds on a number of bytes or elements. */
export interface Bounds {
  readonly minimum: number;
  readonly maximum: number;
}

/**
 * Reads the members of one untrusted JSON object. Every failure throws the constructor's error code, and names the
 * member without repeating its value.
 */
export class JsonFields {
  readonly #members: ReadonlyMap<string, unknown>;
  readonly #code: ErrorCode;
  readonly #path: string;

  /** `value` comes from JSON.parse; `path` names the object in messages. */
  constructor(value: unknown, code: ErrorCode, path = 'body') {
    this.#code = code;
    this.#path = path;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new GlasskeyError(code, `${path} is not a JSON object`);
    }
    this.#members = new Map(Object.entries(value));
  }

  /** Refuses every member that is not in `names`. */
  only(names: readonly string[]): this {
    for (const name of this.#members.keys()) {
      if (!names.includes(name)) throw new GlasskeyError(this.#code, `${this.#path} has an unknown member`);
    }
    return this;
  }

  /** Returns true if the member is present. null is a value, and reading it fails. */
  has(name: string): boolean {
    return this.#members.has(name);
  }

  /** A string of `minimum` to `maximum` UTF-16 units without lone surrogates. */
  string(name: string, maximum: number, minimum = 1): string {
    return this.#asString(name, this.#members.get(name), minimum, maximum);
  }

  /** An integer from 0 to 2^53-1. */
  integer(name: string): number {
    const value = this.#members.get(name);
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)) {
      throw this.failure(name, 'is not an integer of 0 to 2^53-1');
    }
    return value;
  }

  /** Canonical base64 (RFC 4648 §4, padded). */
  base64(name: string, { minimum, maximum }: Bounds): Uint8Array {
    const text = this.string(name, 4 * Math.ceil(maximum / 3), 0);
    let decoded: Uint8Array;
    try {
      decoded = parseBase64(text);
    } catch {
      throw this.failure(name, 'is not canonical base64');
    }
    if (decoded.length < minimum || decoded.length > maximum) throw this.failure(name, 'has the wrong length');
    return decoded;
  }

  /** One of `values`. */
  oneOf<const T extends string>(name: string, values: readonly T[]): T {
    const value = values.find((candidate) => candidate === this.#members.get(name));
    if (value === undefined) throw this.failure(name, 'is not one of its allowed values');
    return value;
  }

  /** `true` or `false`. */
  boolean(name: string): boolean {
    const value = this.#members.get(name);
    if (typeof value !== 'boolean') throw this.failure(name, 'is not true or false');
    return value;
  }

  /** The value `true`. */
  true(name: string): true {
    if (this.#members.get(name) !== true) throw this.failure(name, 'is not true');
    return true;
  }

  /** An array of `minimum` to `maximum` strings. */
  strings(name: string, bounds: Bounds, maximumLength: number): readonly string[] {
    return this.array(name, bounds).map((value) => this.#asString(name, value, 1, maximumLength));
  }

  /** An array of `minimum` to `maximum` elements. */
  array(name: string, { minimum, maximum }: Bounds): readonly unknown[] {
    const value: unknown = this.#members.get(name);
    if (!Array.isArray(value) || value.length < minimum || value.length > maximum) {
      throw this.failure(name, `is not an array of ${minimum} to ${maximum} elements`);
    }
    return value as readonly unknown[];
  }

  /** Returns a reader of the object in this member. */
  object(name: string): JsonFields {
    return new JsonFields(this.#members.get(name), this.#code, `${this.#path}.${name}`);
  }

  /** Creates the error for a member. */
  failure(name: string, what: string): GlasskeyError {
    return new GlasskeyError(this.#code, `${this.#path}.${name} ${this.has(name) ? what : 'is missing'}`);
  }

  #asString(name: string, value: unknown, minimum: number, maximum: number): string {
    if (typeof value !== 'string') throw this.failure(name, 'is not a string');
    if (value.length < minimum || value.length > maximum) throw this.failure(name, 'has the wrong length');
    if (/\p{Surrogate}/u.test(value)) throw this.failure(name, 'is not well-formed Unicode');
    return value;
  }
}

/** Parses untrusted JSON text. Throws `code`. */
export function parseJson(text: string, code: ErrorCode): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Without the engine's message, which repeats part of the text.
    throw new GlasskeyError(code, 'not JSON');
  }
}
