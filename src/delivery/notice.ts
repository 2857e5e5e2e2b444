import { ensure } from '../core/errors.ts';

/** One message to a person. */
export interface Notice {
  /** Names the notice: a receiver that gets it twice knows it. 1 to 64 letters, digits, `_`, `-` or `.`. */
  readonly id: string;
  /** At most {@link MAX_SUBJECT_CHARACTERS}; made visible before it is sent. */
  readonly subject: string;
  /** Plain text, at most {@link MAX_TEXT_CHARACTERS}. */
  readonly text: string;
  /** The facts for programs. A webhook gets them whole, a push as far as they fit. JSON of at most 16 KiB. */
  readonly event: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

/** Most UTF-16 units of a subject that is sent. */
export const MAX_SUBJECT_CHARACTERS = 200;
/** Most UTF-16 units of a text. */
const MAX_TEXT_CHARACTERS = 16_384;
const MAX_EVENT_CHARACTERS = 16_384;

/** Characters that a person does not see, or that change how others look: controls, direction marks, line ends. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Makes untrusted words fit for one line: each character that a reader would not see becomes its number, such as
 * `\u{202e}`, and a long text is cut. The result has at most `maximum` UTF-16 units.
 */
export function visibleText(text: string, maximum: number): string {
  // Cut before and after: an escape is longer than its character.
  const seen = text
    .slice(0, maximum + 1)
    .replaceAll(UNSEEN, (unseen) => `\\u{${(unseen.codePointAt(0) ?? 0).toString(16)}}`);
  if (seen.length <= maximum && text.length <= maximum) return seen;
  const cut = seen.slice(0, maximum - 1);
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/** Throws `value-out-of-range` for a notice that no channel could carry: a mistake of the program, not of a user. */
export function assertNotice({ id, text, event }: Notice): void {
  ensure(/^[A-Za-z0-9_.-]{1,64}$/.test(id), 'value-out-of-range', 'the id of a notice has another form');
  ensure(text.length <= MAX_TEXT_CHARACTERS, 'value-out-of-range', 'the text of a notice is too long');
  const isShort = JSON.stringify(event).length <= MAX_EVENT_CHARACTERS;
  ensure(isShort, 'value-out-of-range', 'the event of a notice is too long');
}
