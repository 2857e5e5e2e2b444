import { createHash } from 'node:crypto';
import type { Notice } from '../../delivery/notice.ts';
import { MAX_SUBJECT_CHARACTERS, visibleText } from '../../delivery/notice.ts';
import type { AddressChange } from './notify-book.ts';
import type { VersionWords } from './version-words.ts';

/** Most keys of one version that are listed for people. */
const MAX_KEYS = 6;
/** Most keys that are listed for programs. */
const MAX_EVENT_KEYS = 32;
/** Most changes of addresses that are listed: whoever has a key can make as many as they like. */
const MAX_CHANGES = 12;

/** The name and the log that a notice is about. */
export interface NoticeAbout {
  readonly origin: string;
  /** Canonical. */
  readonly identity: string;
  /** Names the receiver among those of the identity, so that each has ids of its own. */
  readonly addressId: string;
  /** A page of the operator; undefined: none. */
  readonly link: string | undefined;
}

/** New versions of a name. */
export interface VersionNews {
  /** Ascending; at least one. */
  readonly versions: readonly VersionWords[];
  /** Number of versions before these that were not told either. */
  readonly unread: number;
  /** Timestamp of the log entry with the newest version, ms. */
  readonly atMs: number;
  /** The time before which a pending recovery cannot take effect, ms. */
  readonly effectiveMs: number | undefined;
}

/** Returns the notice of new versions: what changed, who authorised it, and what to do. */
export function versionNotice(about: NoticeAbout, news: VersionNews): Notice {
  const { versions, unread, atMs, effectiveMs } = news;
  const newest = versions.at(-1);
  const isPending = newest?.pending !== undefined;
  const name = shown(about.identity);
  const subject = isPending ? `Somebody asks to take over ${name}` : `The keys of ${name} changed`;
  const text = [
    `${about.origin} tells you about ${name}, because you asked to be told here.`,
    ...unreadLines(unread),
    '',
    ...versions.flatMap(versionLines),
    `The newest of these was logged at ${date(atMs)}.`,
    '',
    'If you, or a device of yours, did this: there is nothing to do.',
    ...(isPending ? vetoLines(name, effectiveMs) : revokeLines(name)),
    ...closingLines(about),
  ].join('\n');
  const event = {
    type: isPending ? 'recovery-pending' : 'keys-changed',
    origin: about.origin,
    identity: about.identity,
    version: newest?.version ?? 0,
    firstVersion: versions[0]?.version ?? 0,
    unread,
    by: versions.map(({ by }) => by),
    added: unique(versions.flatMap(({ added }) => added)),
    removed: unique(versions.flatMap(({ removed }) => removed)),
    at: date(atMs),
    ...(effectiveMs === undefined || !isPending ? {} : { effectiveAt: date(effectiveMs) }),
  };
  return noticeOf(about, ['version', newest?.version ?? 0], { subject, text, event });
}

/**
 * Returns the notice that the addresses of a name changed, for all that are told, the former ones too. It lists the
 * newest of `changes`; `gone` is the number of changes before these that are not kept any more.
 */
export function addressNotice(about: NoticeAbout, changes: readonly AddressChange[], gone = 0): Notice {
  const name = shown(about.identity);
  const listed = changes.slice(-MAX_CHANGES);
  const unread = gone + changes.length - listed.length;
  const lines = listed.map(
    ({ what, kind, hint, atMs, signer }) =>
      `  ${what} at ${date(atMs)}: ${kind} ${shown(hint)}\n    ordered by the key ${signer}`,
  );
  const text = [
    `${about.origin} tells you that the places where ${name} is told of changes are no longer the same:`,
    ...unreadLines(unread),
    '',
    ...lines,
    '',
    'A place that was removed is told everything for 7 more days.',
    'If you did this: there is nothing to do.',
    'If you did not, somebody has a key of yours. Revoke it from a device that you still trust, then set the places right:',
    `  glasskey revoke ${quoted(about.identity)} --credentials FOLDER --serial SERIAL`,
    `  glasskey notify list ${quoted(about.identity)} --credentials FOLDER`,
    ...closingLines(about),
  ].join('\n');
  const last = changes.at(-1)?.number ?? 0;
  const event = {
    type: 'addresses-changed',
    origin: about.origin,
    identity: about.identity,
    changes: listed.map(({ what, kind, hint }) => `${what} ${kind} ${hint}`),
    unread,
  };
  return noticeOf(about, ['addresses', last], { subject: `Notices about ${name} go elsewhere`, text, event });
}

/** Returns the last notice: the name was erased, and this address is deleted. */
export function erasureNotice(about: NoticeAbout): Notice {
  const name = shown(about.identity);
  const text = [
    `The operator of ${about.origin} erased the content of ${name}. Its history of changes stays in the log, without names.`,
    'This is the last notice: the place where you were told is deleted with it.',
    'If you did not ask for this, ask the operator.',
    ...closingLines(about),
  ].join('\n');
  const event = { type: 'erased', origin: about.origin, identity: about.identity };
  return noticeOf(about, ['erased', 0], { subject: `${name} was erased`, text, event });
}

/** Returns the message with a code for an address that is to be confirmed. */
export function codeNotice(about: NoticeAbout, code: string, minutes: number): Notice {
  const name = shown(about.identity);
  const text = [
    `Somebody who has a key of ${name} asks ${about.origin} to tell this address whenever the keys of that name change.`,
    '',
    'The code is',
    '',
    `    ${code}`,
    '',
    `It is valid for ${minutes} minutes. To confirm:`,
    `  glasskey notify confirm ${quoted(about.identity)} ${about.addressId} ${code}`,
    'If it was not you, do nothing: nothing is sent here without the code.',
  ].join('\n');
  const event = {
    type: 'confirm',
    origin: about.origin,
    identity: about.identity,
    address: about.addressId,
    challenge: code,
  };
  return noticeOf(about, ['code', 0, code], { subject: 'Confirm this address', text, event });
}

function versionLines({ version, added, removed, who, pending }: VersionWords): string[] {
  return [
    `Version ${version}, authorised by ${who}.`,
    ...keyLines('Key added', added),
    ...keyLines('Key removed', removed),
    ...(pending === undefined ? [] : [`  Key that would replace all others: ${pending}`]),
    ...(added.length + removed.length === 0 && pending === undefined ? ['  No key was added or removed.'] : []),
    '',
  ];
}

function unreadLines(unread: number): string[] {
  return unread > 0 ? [`There are ${unread} earlier changes that are not listed here.`] : [];
}

function keyLines(words: string, keys: readonly string[]): string[] {
  const listed = keys.slice(0, MAX_KEYS).map((key) => `  ${words}: ${key}`);
  return keys.length > MAX_KEYS ? [...listed, `  ${words}: ${keys.length - MAX_KEYS} more`] : listed;
}

function vetoLines(name: string, effectiveMs: number | undefined): string[] {
  const until = effectiveMs === undefined ? '' : ` before ${date(effectiveMs)}`;
  return [`If not, stop it${until}, with any of your keys:`, `  glasskey veto ${quoted(name)} --credentials FOLDER`];
}

function revokeLines(name: string): string[] {
  return [
    'If not, somebody else may read and sign as you. Look at the keys, and revoke those that are not yours:',
    `  glasskey history ${quoted(name)}`,
    `  glasskey revoke ${quoted(name)} --credentials FOLDER --serial SERIAL`,
    'Tell the people who write to you, and the operator. If you have no key left:',
    `  glasskey recover ${quoted(name)} --out NEW-FOLDER`,
  ];
}

function closingLines({ origin, identity, link }: NoticeAbout): string[] {
  return [
    '',
    `This message is no proof. Whoever controls ${origin} could have withheld it, or sent it without cause.`,
    `What counts is what your own client verifies: glasskey monitor ${quoted(shown(identity))}`,
    ...(link === undefined ? [] : [`More: ${link}`]),
    '',
  ];
}

function noticeOf(
  { origin, identity, addressId }: NoticeAbout,
  kind: readonly (string | number)[],
  content: Omit<Notice, 'id'>,
): Notice {
  const hash = createHash('sha256').update(JSON.stringify([origin, identity, addressId, ...kind]));
  return { id: hash.digest('hex').slice(0, 32), ...content };
}

function shown(text: string): string {
  return visibleText(text, MAX_SUBJECT_CHARACTERS);
}

/** Quotes an argument for a shell unless every character is plain. */
function quoted(text: string): string {
  return /^[A-Za-z0-9@._+:/-]+$/.test(text) ? text : `'${shown(text).replaceAll("'", String.raw`'\''`)}'`;
}

function date(ms: number): string {
  return new Date(ms).toISOString();
}

function unique(keys: readonly string[]): readonly string[] {
  return [...new Set(keys)].slice(0, MAX_EVENT_KEYS);
}
