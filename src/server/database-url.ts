import { ensure } from '../core/errors.ts';
import { isDatabaseUrl, parseConnectionString, splitDatabaseUrl } from '../store/connection-string.ts';

/** Throws `usage` unless the text is a database URL. The message omits the URL, which may hold a password. */
export function assertDatabaseUrl(text: string, source = '--database'): void {
  ensure(isDatabaseUrl(text), 'usage', `${source} must be a postgres:// URL`);
  parseConnectionString(text);
}

/** Returns a database URL without its passwords: for files, messages and log lines. Throws `usage` if it is none. */
export function withoutPassword(url: string): string {
  const { scheme, user, hosts, database, parameters } = splitDatabaseUrl(url);
  const kept = parameters.filter(({ name }) => name !== 'password').map(({ written }) => written);
  const place = (user === '' ? '' : `${user}@`) + hosts + (database === undefined ? '' : `/${database}`);
  return scheme + place + (kept.length === 0 ? '' : `?${kept.join('&')}`);
}

/** Returns true if a database URL holds a password. Throws `usage` for a parameter that no such URL has. */
export function hasPassword(url: string): boolean {
  if (!isDatabaseUrl(url)) return false;
  const { password, parameters } = splitDatabaseUrl(url);
  return password !== undefined || parameters.some(({ name }) => name === 'password');
}
