import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { withJson } from '../json-result.ts';
import type { KeyDirectory, MarkedKeys } from '../key-directory.ts';
import type { SafetyNumber } from './safety-number.ts';
import { keySet } from './safety-side.ts';

/** The parts of a directory that marks need. */
export type MarkDirectory = Pick<KeyDirectory, 'lookup' | 'identity' | 'markKeys' | 'markedKeys'>;

/** The standing of a contact whom the user has verified in person. */
export interface VerifiedContact {
  /**
   * `verified`: the contact has the keys that were compared. `changed`: keys came or went since, by a signature of the
   * contact's own keys or because the service took some away; show it, and offer to compare again. `lost`: the keys
   * changed otherwise, at version `lostAt`; the contact counts as not verified.
   */
  readonly status: 'verified' | 'changed' | 'lost';
  /** When the keys were compared, ms. */
  readonly markedAtMs: number;
  /** The version that took the mark away. */
  readonly lostAt: number | undefined;
  /** Keys (`keysSha256`) that are valid now and were not compared. */
  readonly added: readonly Uint8Array[];
  /** Compared keys that are valid no more. */
  readonly removed: readonly Uint8Array[];
}

/**
 * Marks a contact as verified, after two people have compared their safety number and found it the same. The mark stays
 * in the client's state. Throws `keys-changed` if the keys of the contact are others by now, or an alert about them is
 * not acknowledged; `usage` if the number is of somebody else.
 */
export async function markVerified(
  directory: MarkDirectory,
  contact: string,
  { theirs }: Pick<SafetyNumber, 'theirs'>,
): Promise<VerifiedContact> {
  const { text } = directory.identity(contact);
  ensure(text === theirs.identity, 'usage', `the safety number is of ${theirs.identity}, not of ${text}`);
  return standing(await directory.markKeys(contact, theirs), theirs.keys);
}

/**
 * Looks a contact up and returns its standing; undefined if it was never marked. Throws what a lookup throws. A name
 * that has lost all its keys is `changed`.
 */
export async function verifiedMark(directory: MarkDirectory, contact: string): Promise<VerifiedContact | undefined> {
  const found = await directory.lookup(contact);
  const mark = await directory.markedKeys(contact);
  return mark && standing(mark, found.found ? keySet(found.binding.certificates) : []);
}

function standing({ keys, markedAtMs, lostAt }: MarkedKeys, now: readonly Uint8Array[]): VerifiedContact {
  const missingIn = (set: readonly Uint8Array[]) => (key: Uint8Array) => !set.some((one) => equalBytes(one, key));
  const [added, removed] = [now.filter(missingIn(keys)), keys.filter(missingIn(now))];
  const isSame = added.length === 0 && removed.length === 0;
  const status = lostAt === undefined ? (isSame ? 'verified' : 'changed') : 'lost';
  return withJson({ status, markedAtMs, lostAt, added, removed });
}
