import { GlasskeyError } from '../core/errors.ts';
import type { JsonFields } from './json-fields.ts';

/**
 * What a log may require of its clients (`docs/spec.md#trust-bundle`). `ml-dsa`: keys and signatures of ML-DSA in
 * certificates, identity records and changes.
 */
export const REQUIREMENTS = ['ml-dsa'] as const;

/** One thing that a client of a log must understand. */
export type Requirement = (typeof REQUIREMENTS)[number];

const MAX_REQUIREMENTS = 16;
const MAX_NAME_CHARACTERS = 32;

/**
 * Reads the member `requires` of an untrusted trust bundle; undefined if it is absent. Read it before the other
 * members: a later bundle may have some that this client does not know. Throws `unsupported-log` for a requirement that
 * this client does not meet, and the error of `fields` for a malformed member.
 */
export function readRequirements(fields: JsonFields): readonly Requirement[] | undefined {
  if (!fields.has('requires')) return undefined;
  const names = fields.strings('requires', { minimum: 1, maximum: MAX_REQUIREMENTS }, MAX_NAME_CHARACTERS);
  const isAscending = names.every((name, i) => i === 0 || (names[i - 1] as string) < name);
  if (!isAscending || !names.every((name) => /^[a-z0-9-]+$/.test(name))) {
    throw fields.failure('requires', 'is not a list of names in ascending order');
  }
  const known: readonly string[] = REQUIREMENTS;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new GlasskeyError(
      'unsupported-log',
      `the log requires ${unknown.join(', ')}, which this version of Glasskey does not have. Next: update it`,
    );
  }
  return names as readonly Requirement[];
}
