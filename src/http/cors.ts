import type { Hono } from 'hono';
import { cors } from 'hono/cors';
import { LOOKUP_TOKEN_HEADER } from '../contract/media-types.ts';

/** What programs in a page of another origin may call: all that a client needs, and nothing that is for operators. */
const OPEN_TO_PAGES = ['/v1/*', '/keytrans/*', '/log/*', '/ca/*', '/crl/*', '/.well-known/*'];

/** How long a browser may remember the answer to a preflight: the most that Chromium accepts. */
const PREFLIGHT_SECONDS = 7200;

/**
 * Lets pages of any origin use the client library (Fetch Standard, "CORS protocol"). It gives nobody a right: there are no
 * cookies to be sent along (no credentials), a page needs an application token or an owner's key for whatever a program
 * needs one for, and everything else is public.
 *
 * Preflights are answered here. What other answers say is in `respond`: a middleware that changes them takes as long as
 * the rest of the HTTP layer.
 */
export function answerPreflights(app: Hono): void {
  const open = cors({
    origin: '*',
    allowMethods: ['GET', 'HEAD', 'POST'],
    allowHeaders: ['Authorization', 'Content-Type', LOOKUP_TOKEN_HEADER],
    maxAge: PREFLIGHT_SECONDS,
  });
  for (const path of OPEN_TO_PAGES) app.use(path, (c, next) => (c.req.method === 'OPTIONS' ? open(c, next) : next()));
}
