import { GlasskeyError } from '../core/errors.ts';

/** Options of {@link canonicalName}. */
export interface NameOptions {
  /** True folds to lower case; false keeps the case. */
  readonly fold: boolean;
  /** Letters to keep although they have no clean case pair (domains: ß and ς of an A-label). */
  readonly exempt?: string;
}

/** The caller judges ASCII characters, because the allowed ones depend on the kind of identity. */
const ASCII = /^[\0-\x7f]$/;

// PRECIS IdentifierClass (RFC 8264 §9) without digits beyond ASCII, which have look-alikes of the same value.
const LETTER = /^[\p{Ll}\p{Lu}\p{Lo}\p{Lm}]$/u;
const MARK = /^[\p{Mn}\p{Mc}]$/u;

/** Old Hangul jamo (RFC 5892 §2.9), and letters such as tatweel that RFC 5892 §2.6 disallows by name. */
const DISALLOWED =
  /^(?:\u{302e}|\u{302f}|[\u{1100}-\u{11ff}\u{a960}-\u{a97f}\u{d7b0}-\u{d7ff}\u{0640}\u{07fa}\u{3031}-\u{3035}\u{303b}])$/u;
const INVISIBLE = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\p{Deprecated}]/u;

/** Creates the refusal of an identity. The reason never repeats the typed text. */
export function refusal(reason: string): GlasskeyError {
  return new GlasskeyError('invalid-identity', reason);
}

/**
 * Refuses control, format (bidi, zero-width), private, unassigned and lone surrogate code points, every kind of space,
 * and Unicode's default-ignorable or deprecated characters. "Unassigned" depends on this runtime's Unicode version: an
 * older one refuses more, but never produces another label. Throws `invalid-identity`.
 */
export function assertVisible(text: string): void {
  if (INVISIBLE.test(text)) throw refusal('has a space, or an invisible, unassigned or deprecated character');
}

/**
 * Returns the canonical form of a name: NFC, then each code point by itself to lower case (ς counts as σ).
 *
 * Beyond ASCII it accepts letters and the marks on them, if every spelling leads to the same result. The result must be
 * stable under NFC and NFKC (no ligatures, no full-width forms). Each letter must be caseless or one half of a clean
 * pair, lower(upper(x)) = x. That refuses ß, ı and İ, which share an upper or lower case with another letter. Locale
 * and context (final sigma) play no part. Throws `invalid-identity`.
 */
export function canonicalName(text: string, options: NameOptions): string {
  const points = Array.from(text.normalize('NFC'), (point) => canonicalPoint(point, options));
  const name = points.join('');
  if (name.normalize('NFC') !== name || name.normalize('NFKC') !== name) {
    throw refusal('has a character with another form of the same meaning');
  }
  assertMarksFollowLetters(points);
  return name;
}

function canonicalPoint(point: string, { fold, exempt = '' }: NameOptions): string {
  if (ASCII.test(point)) return fold ? point.toLowerCase() : point;
  if (INVISIBLE.test(point) || DISALLOWED.test(point))
    throw refusal('has a character that is not allowed in identities');
  if (!LETTER.test(point) && !MARK.test(point)) throw refusal('has a character beyond ASCII that is not a letter');
  if (!fold || exempt.includes(point)) return point;
  return foldPoint(point);
}

function foldPoint(point: string): string {
  const lower = point === 'ς' ? 'σ' : point.toLowerCase();
  const upper = lower.toUpperCase();
  const clean =
    isOnePoint(lower) && isOnePoint(upper) && lower.toLowerCase() === lower && upper.toLowerCase() === lower;
  if (!clean || /^\p{Lu}$/u.test(lower)) throw refusal('has a letter whose upper and lower case are not one pair');
  return lower;
}

function assertMarksFollowLetters(points: readonly string[]): void {
  points.forEach((point, i) => {
    const before = points[i - 1] ?? '';
    if (MARK.test(point) && !MARK.test(before) && !LETTER.test(before)) {
      throw refusal('has a combining mark that is not on a letter');
    }
  });
}

function isOnePoint(text: string): boolean {
  return Array.from(text).length === 1;
}
