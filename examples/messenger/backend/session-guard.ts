import type { Context, MiddlewareHandler } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { Sessions } from './sessions.ts';
import { allow } from './refusal.ts';

/** Variables that the guard sets for a route. */
export interface Guarded {
  readonly Variables: { readonly account: string };
}

/** The cookie with a session's secret. */
export const SESSION_COOKIE = 'messenger-session';
/** No script reads it, and no other site sends it. Browsers send a Secure cookie to localhost without TLS, too. */
const COOKIE_OPTIONS = { httpOnly: true, sameSite: 'Strict', path: '/', secure: true } as const;

/** Lets only logged-in users pass, and sets `account`. */
export function sessionGuard(sessions: Sessions): MiddlewareHandler<Guarded> {
  return async (c, next) => {
    const account = sessions.accountOf(getCookie(c, SESSION_COOKIE) ?? '');
    allow(account !== undefined, 401, 'not-logged-in', 'Please log in.');
    c.set('account', account);
    await next();
  };
}

/** Logs an account in on a browser. */
export function beginSession(c: Context, sessions: Sessions, account: string): void {
  setCookie(c, SESSION_COOKIE, sessions.open(account), COOKIE_OPTIONS);
}

/** Logs out. */
export function endSession(c: Context, sessions: Sessions): void {
  sessions.close(getCookie(c, SESSION_COOKIE) ?? '');
  deleteCookie(c, SESSION_COOKIE, COOKIE_OPTIONS);
}

/** Refuses what changes something and comes from a page of another origin. */
export const sameOrigin: MiddlewareHandler = async (c, next) => {
  const origin = c.req.header('origin');
  const isOwn = origin === undefined || URL.parse(origin)?.host === c.req.header('host');
  allow(c.req.method === 'GET' || isOwn, 403, 'other-origin', 'This request came from another page.');
  await next();
};
