import { isGlasskeyError } from '../../core/errors.ts';
import { compareHeads, parseHeads, type SharedHeads } from '../heads-text.ts';

/** The outcome of a comparison. Only `agree` and `contradiction` say something of the log. */
export type ComparedTexts =
  | { readonly type: 'not-a-text' }
  | { readonly type: 'other-log'; readonly origin: string }
  | { readonly type: 'no-overlap' }
  /** Both were shown the same first `entries` of the log. */
  | { readonly type: 'agree'; readonly entries: number }
  | { readonly type: 'contradiction' };

/** Reads a text that a person pasted; undefined if it is not a whole one. */
export function readHeads(text: string): SharedHeads | undefined {
  try {
    return parseHeads(text);
  } catch (error) {
    if (isGlasskeyError(error)) return undefined;
    throw error;
  }
}

/** Compares the heads that two people know. Accuses the log of nothing but what the heads show. */
export function compareTexts(mine: SharedHeads, theirs: SharedHeads): ComparedTexts {
  if (mine.origin !== theirs.origin) return { type: 'other-log', origin: theirs.origin };
  try {
    const { position } = compareHeads(mine.heads, theirs.heads);
    return { type: 'agree', entries: position + 1 };
  } catch (error) {
    if (isGlasskeyError(error, 'usage')) return { type: 'no-overlap' };
    if (isGlasskeyError(error, 'log-forked')) return { type: 'contradiction' };
    throw error;
  }
}
