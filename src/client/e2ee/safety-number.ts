import { sha256 } from '../../core/crypto/sha256.ts';
import { compareBytes, encodeUtf8, equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { VerifiedBinding } from '../binding/binding.ts';
import { withJson } from '../json-result.ts';
import type { KeyDirectory } from '../key-directory.ts';
import { formatSafetyPayload, parseSafetyPayload, type PayloadSide, type SafetyPayload } from './safety-payload.ts';
import { keySet, sideFingerprint, type SideFingerprint } from './safety-side.ts';

/** The parts of a directory that safety numbers need. */
export type SafetyDirectory = Pick<KeyDirectory, 'lookup' | 'identity' | 'trust'>;

/**
 * A part in which two safety numbers differ: the `log`; the `names`, if the text is of other people; the keys of
 * `mine`, or of `theirs`.
 */
export type SafetyDifference = 'log' | 'names' | 'mine' | 'theirs';

/** The outcome of a comparison. */
export type SafetyComparison =
  | { readonly same: true }
  /** Somebody shows the two of you other keys, or one of you has changed devices since: look both names up again. */
  | { readonly same: false; readonly differs: readonly SafetyDifference[] };

/** A name as a safety number covers it. */
export interface CoveredName {
  /** Canonical. */
  readonly identity: string;
  readonly version: number;
  /** The version's commitment in the log, 32 bytes. */
  readonly commitment: Uint8Array;
  /** The keys of its devices with their companion keys, as `keysSha256` names them, ascending. */
  readonly keys: readonly Uint8Array[];
}

/** The safety number of two people. It is the same on both sides, and changes with every device of either. */
export interface SafetyNumber {
  /** 60 digits in twelve groups of five, with spaces. */
  readonly digits: string;
  /** 24 words. */
  readonly words: readonly string[];
  /** A text for a QR code. */
  readonly qr: string;
  readonly mine: CoveredName;
  readonly theirs: CoveredName;
  /** Compares it with the `qr` that the other device shows; untrusted. Throws `malformed-encoding`. */
  readonly verify: (scanned: string) => SafetyComparison;
}

/** A name, what a number covers of it, and its fingerprint. */
interface Side extends SideFingerprint {
  readonly label: Uint8Array;
  readonly covered: CoveredName;
}

/**
 * Computes the safety number of the user and a contact (docs/spec.md#safety-numbers): two people who compare it know
 * that the log shows both of them the same keys. Throws `identity-not-found` if a name has no valid keys, `usage` for
 * one name twice, and what a lookup throws.
 */
export async function safetyNumber(directory: SafetyDirectory, mine: string, theirs: string): Promise<SafetyNumber> {
  const { origin } = directory.trust.bundle;
  const [own, other] = [await sideOf(directory, mine), await sideOf(directory, theirs)];
  const isOwnFirst = compareBytes(own.label, other.label) < 0;
  ensure(!equalBytes(own.label, other.label), 'usage', 'a safety number is of two names');
  const [first, second] = isOwnFirst ? [own, other] : [other, own];
  const payload = { logHash: half(encodeUtf8(origin)), first: payloadSide(first), second: payloadSide(second) };
  return withJson({
    digits: [...first.digits, ...second.digits].join(' '),
    words: [...first.words, ...second.words],
    qr: formatSafetyPayload(payload),
    mine: own.covered,
    theirs: other.covered,
    verify: (scanned: string) => compare(payload, parseSafetyPayload(scanned), isOwnFirst),
  });
}

async function sideOf(directory: SafetyDirectory, name: string): Promise<Side> {
  const found = await directory.lookup(name);
  const { text, label } = directory.identity(name);
  const keys = found.found ? keySet(found.binding.certificates) : [];
  if (!found.found || keys.length === 0) {
    throw new GlasskeyError('identity-not-found', `${text} has no valid keys in the log`);
  }
  const { origin } = directory.trust.bundle;
  return { label, covered: coveredName(found.binding, keys), ...sideFingerprint({ origin, label, keys }) };
}

function coveredName({ identity, version, commitment }: VerifiedBinding, keys: CoveredName['keys']): CoveredName {
  return { identity, version, commitment, keys };
}

function payloadSide({ label, hash }: Side): PayloadSide {
  return { labelHash: half(label), keys: hash };
}

function half(bytes: Uint8Array): Uint8Array {
  return sha256(bytes).slice(0, 16);
}

function compare(own: SafetyPayload, scanned: SafetyPayload, isOwnFirst: boolean): SafetyComparison {
  if (!equalBytes(own.logHash, scanned.logHash)) return { same: false, differs: ['log'] };
  const sides = [
    [own.first, scanned.first],
    [own.second, scanned.second],
  ] as const;
  const isSameNames = sides.every(([one, other]) => equalBytes(one.labelHash, other.labelHash));
  if (!isSameNames) return { same: false, differs: ['names'] };
  const names = isOwnFirst ? (['mine', 'theirs'] as const) : (['theirs', 'mine'] as const);
  const differs = names.filter((_, i) => {
    const [one, other] = sides[i] as (typeof sides)[number];
    return !equalBytes(one.keys, other.keys);
  });
  return differs.length === 0 ? { same: true } : { same: false, differs };
}
