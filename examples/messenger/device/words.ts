import { type Alert, isGlasskeyError } from 'glasskey';
import { nameOf } from '../shared/protocol.ts';
import { BackendError } from './backend.ts';

/** Something to tell the user. An alarm stops messages; news does not. */
export interface Notice {
  readonly kind: 'alarm' | 'news';
  readonly title: string;
  readonly text: string;
  /** The reason as the library says it, for those who ask. */
  readonly detail?: string | undefined;
  /** Code of the error that it comes from, if any. */
  readonly code?: string | undefined;
  /** The name that it is about, if the user can say "I have asked": `acknowledge` then takes it back. */
  readonly name?: string | undefined;
}

/** Returns the words for an alert of the key directory. `own` is the identity of this device's user. */
export function alertNotice({ identity, type, reason }: Alert, own: string): Notice {
  const name = nameOf(identity);
  if (identity === own) {
    return {
      kind: 'alarm',
      name: identity,
      title: 'Somebody added a key to your name. You did not.',
      text:
        'Your devices did not sign this change. Whoever holds the new key could pose as you, and read what is written ' +
        'to you from now on. Warn the people you write to, and ask the operator of this service.',
      detail: reason,
    };
  }
  const texts = {
    operator: `The service changed ${name}’s keys. ${name} did not.`,
    unexplained: `${name}’s keys cannot be explained.`,
    'unexpected-version': `${name}’s keys changed in a way that nobody expected.`,
    recovery: `${name} has new keys: the old ones were lost, or the name has a new owner.`,
  } as const;
  return {
    kind: type === 'recovery' ? 'news' : 'alarm',
    name: identity,
    title: texts[type],
    text: `Nothing is sent to ${name} until you have asked ${name} in another way, such as in person.`,
    detail: reason,
  };
}

/** True if the service or its data lies; false for an outage, a clock or a limit. */
export function isLie(error: unknown): boolean {
  return isGlasskeyError(error) && ['verification', 'decode'].includes(error.fault);
}

/** Codes of refusals because of an alert that is open. The alert itself is told by the key directory. */
const ALERT_CODES: readonly string[] = ['bad-chain', 'unexpected-version'];

/** True for a refusal because of an alert, which the user has to read and answer. */
export const isAlerted = (error: unknown): boolean => ALERT_CODES.includes(codeOf(error));

/** Codes of errors by which a log contradicts what it showed before. */
const CONTRADICTIONS: readonly string[] = [
  'bad-signature',
  'bad-log-proof',
  'log-forked',
  'tree-rolled-back',
  'version-rolled-back',
  'view-mismatch',
];

/** Returns the words for an answer that could not be verified, about a name or about everybody. */
export function problemNotice(error: unknown, identity?: string): Notice {
  const who = identity === undefined ? 'your contacts' : nameOf(identity);
  if (!isLie(error)) {
    const text = 'Messages wait until they can. Nothing is wrong with what you sent before.';
    return { kind: 'news', title: `The keys of ${who} could not be checked.`, text, detail: codeOf(error) };
  }
  const code = codeOf(error);
  if (CONTRADICTIONS.includes(code)) {
    return {
      kind: 'alarm',
      code,
      title: ANOTHER_PAST,
      text:
        'This device remembers the log of all keys, and now it was shown one that contradicts it. Nothing is sent. ' +
        'Show this to the people you write to: they may be shown a false log.',
      detail: code,
    };
  }
  return {
    kind: 'alarm',
    code,
    title: `The service showed keys for ${who} that do not hold.`,
    text: 'The proof is false, so this device refused them. Nothing was sent. Tell the people you write to.',
    detail: code,
  };
}

const ANOTHER_PAST = 'The service shows another past than before.';

/**
 * Returns the lies of one round, each once: if the log contradicts itself, false proofs of names follow from that, and
 * a proof that failed for a name need not be told once more for all contacts.
 */
export function distinctLies(notices: readonly Notice[]): readonly Notice[] {
  const pasts = notices.filter(({ title }) => title === ANOTHER_PAST);
  const told = pasts.length > 0 ? pasts : notices;
  return told.filter((one, i) => told.findIndex(({ code }) => code === one.code) === i);
}

/** Returns the code of any error. */
export function codeOf(error: unknown): string {
  return isGlasskeyError(error) || error instanceof BackendError ? error.code : 'internal';
}

/** Returns the words for a failed action. */
export function failureText(error: unknown): string {
  if (isLie(error)) return problemNotice(error).title;
  return error instanceof Error ? error.message : String(error);
}
