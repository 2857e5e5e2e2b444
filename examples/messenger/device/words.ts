import { type Alert, isGlasskeyError } from 'glasskey';
import { nameOf } from '../shared/protocol.ts';
import { BackendError } from './backend.ts';
import { distinctLies, OTHER_LOG, REWRITTEN } from './lies.ts';
import type { Notice } from './notice.ts';

/**
 * Returns the words for an alert of the key directory. `own` is the identity of this device's user. `isDenied` says
 * that the user has asked the contact, who did not make the change.
 */
export function alertNotice({ identity, type, reason, version }: Alert, own: string, isDenied = false): Notice {
  const name = nameOf(identity);
  const common = { about: identity, version, detail: reason };
  if (identity === own) {
    return {
      ...common,
      kind: 'alarm',
      asks: 'own',
      screen: 'devices',
      title: 'Somebody added a key to your name. You did not.',
      text:
        'Whoever holds that key could pose as you, and read what is written to you from now on. Open “Devices” and ' +
        'remove the one that is not yours. Then warn the people you write to, in person. Do not ask in this ' +
        'messenger, nor the service: it may have done this.',
    };
  }
  const titles = {
    operator: `The service changed ${name}’s keys. ${name} did not.`,
    unexplained: `${name}’s keys cannot be explained.`,
    'unexpected-version': `${name}’s keys changed in a way that nobody expected.`,
    recovery: `${name} has new keys: the old ones were lost, or the name has a new owner.`,
  } as const;
  const text = isDenied
    ? `${name} says that a key is false. Nothing is sent to ${name}. Ask ${name} to open “Devices” and remove it, and ` +
      'ask once more afterwards.'
    : `Nothing is sent to ${name} until you have asked ${name} in another way, such as in person.`;
  return {
    ...common,
    kind: type === 'recovery' ? 'news' : 'alarm',
    asks: 'contact',
    title: titles[type],
    text,
  };
}

/** Codes of a trust bundle that is not the one which this device knows: the whole log is another. */
const OTHER_LOGS: readonly string[] = ['bundle-changed', 'log-replaced', 'log-reset', 'other-log'];

/** True if the service shows another log than the one which this device knows. */
export const isOtherLog = (error: unknown): boolean => OTHER_LOGS.includes(codeOf(error));

const OTHER_LOG_TEXT =
  'If you have restarted the example, that is why: everything began anew. If you have not, somebody has replaced the ' +
  'log: do not go on.';

/** Returns the words for a messenger that could not start. */
export function startNotice(error: unknown): Pick<Notice, 'title' | 'text'> {
  if (isOtherLog(error)) return { title: OTHER_LOG, text: OTHER_LOG_TEXT };
  return { title: 'The messenger could not start.', text: failureText(error) };
}

/** True if the service or its data lies; false for an outage, a clock or a limit. */
export function isLie(error: unknown): boolean {
  return isOtherLog(error) || (isGlasskeyError(error) && ['verification', 'decode'].includes(error.fault));
}

/** True if nothing answered, or it was too busy. */
function isOutage(error: unknown): boolean {
  if (error instanceof BackendError) return error.code === 'offline';
  return isGlasskeyError(error) && ['network', 'overload'].includes(error.fault);
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

/** A name that a problem is about, and the identity of this device's user. */
interface Concerned {
  readonly identity?: string | undefined;
  readonly own?: string | undefined;
}

/** Returns the words for an answer that could not be verified, about a name or about somebody. */
export function problemNotice(error: unknown, { identity, own }: Concerned = {}): Notice {
  const code = codeOf(error);
  if (!isLie(error)) {
    const title = isOutage(error) ? 'The messenger cannot be reached.' : 'Keys could not be checked.';
    return { kind: 'news', title, text: 'Messages wait. Nothing is wrong with what you sent before.', detail: code };
  }
  const common = { kind: 'alarm', code, detail: code } as const;
  if (isOtherLog(error)) return { ...common, title: OTHER_LOG, text: `${OTHER_LOG_TEXT} Load this page again.` };
  if (CONTRADICTIONS.includes(code)) {
    return {
      ...common,
      screen: 'log',
      title: REWRITTEN,
      text:
        'This device remembers the true record, so it sends nothing. Ask friends by another way to open “The log” and ' +
        'compare with you.',
    };
  }
  if (identity !== undefined && identity === own) {
    return {
      ...common,
      about: identity,
      title: 'The service shows others a false key in your name.',
      text: 'No device takes it that checks the log, as this one does. Tell the people you write to by another way.',
    };
  }
  const who = identity === undefined ? 'somebody (perhaps you)' : nameOf(identity);
  return {
    ...common,
    about: identity,
    title: `The service showed a false key for ${who}. This device did not take it.`,
    text:
      'Your messages so far are safe. New ones wait until the service shows the true key. ' +
      `Tell ${identity === undefined ? 'the people you write to' : who} by another way.`,
  };
}

/** Returns the words why nothing can be sent, the worst reason first. */
export function refusalText(problems: readonly (Concerned & { readonly error: unknown })[]): string {
  const notices = problems.map(({ error, ...concerned }) => problemNotice(error, concerned));
  const [lie] = distinctLies(notices.filter(({ kind }) => kind === 'alarm'));
  const isOut = problems.some(({ error }) => isOutage(error));
  return lie?.title ?? (isOut ? 'The messenger cannot be reached.' : 'Keys could not be checked. Try again later.');
}

/** Returns the code of any error. */
export function codeOf(error: unknown): string {
  return isGlasskeyError(error) || error instanceof BackendError ? error.code : 'internal';
}

/** Returns the words for a failed action. */
export function failureText(error: unknown): string {
  if (isLie(error) || isOutage(error)) return problemNotice(error).title;
  return error instanceof Error ? error.message : String(error);
}

/** Returns the words for a safety number that cannot be computed. */
export function noNumberText(error: unknown): string {
  if (!isLie(error)) return failureText(error);
  const { title } = problemNotice(error);
  return `No number now: the service shows ${title === REWRITTEN ? 'a false record' : 'a false key'}.`;
}
