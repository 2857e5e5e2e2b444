import type { Hono } from 'hono';
import { cors } from 'hono/cors';
import { LOOKUP_TOKEN_HEADER } from '../contract/media-types.ts';

/** Paths that pages of other origins may call: all that a client needs, and nothing that is for operators. */
const OPEN_TO_PAGES = ['/v1/*', '/acme/*', '/keytrans/*', '/log/*', '/ca/*', '/crl/*', '/.well-known/*'];

/** Lifetime of a preflight's answer in a browser, s: the most that Chromium accepts. */
const PREFLIGHT_SECONDS = 7200;

/**
 * Answers preflights, so that pages of any origin can use the client library (Fetch Standard, "CORS protocol"). This
 * grants no right: the server uses no cookies, and a page needs the same application token or owner's key as any
 * program.
 *
 * `respond` sets the headers of all other answers: a middleware that changes them takes as long as the rest of the HTTP
 * layer.
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
