import { ensure } from '../core/errors.ts';
import { parseConnectionString } from '../store/connection-string.ts';

/** Throws `usage` unless the text is a database URL. The message omits the URL, which may hold a password. */
export function assertDatabaseUrl(text: string, source = '--database'): void {
  ensure(isDatabaseUrl(text), 'usage', `${source} must be a postgres:// URL`);
  parseConnectionString(text);
}

/** Returns true for what begins as a `postgres://` URL. */
export function isDatabaseUrl(text: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(text);
}

/** Parameters of a connection string that are secrets. */
const SECRETS = /^(?:password|sslpassword)$/i;

/** Returns a database URL without its passwords: for files, messages and log lines. */
export function withoutPassword(text: string): string {
  const { head, user, rest } = partsOf(text);
  const [place, query] = splitOnce(rest, '?');
  const kept = (query ?? '').split('&').filter((one) => one !== '' && !isSecret(one));
  return head + (user === '' ? '' : `${user}@`) + place + (kept.length === 0 ? '' : `?${kept.join('&')}`);
}

/** Returns true if a database URL holds a password. */
export function hasPassword(text: string): boolean {
  const { password, rest } = partsOf(text);
  const [, query = ''] = splitOnce(rest, '?');
  return password !== undefined || query.split('&').some(isSecret);
}

/** Splits a URL as text, because one that names several hosts is no URL for the platform. */
function partsOf(text: string): { head: string; user: string; password: string | undefined; rest: string } {
  const [, head = '', authority = '', path = ''] = /^([a-z]+:\/\/)([^/?#]*)(.*)$/s.exec(text) ?? [];
  const at = authority.lastIndexOf('@');
  const [user, password] = splitOnce(authority.slice(0, Math.max(at, 0)), ':');
  return { head, user, password, rest: authority.slice(at + 1) + path };
}

function splitOnce(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function isSecret(parameter: string): boolean {
  const [name] = splitOnce(parameter, '=');
  return SECRETS.test(name);
}
