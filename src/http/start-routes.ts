import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import { HTML_MEDIA_TYPE, JSON_MEDIA_TYPE } from '../contract/media-types.ts';
import { EXPLORER_PREFIX, PATHS } from '../contract/paths.ts';
import { GlasskeyError } from '../core/errors.ts';
import { apiPage, respondApiPage } from './api-page.ts';
import type { ExplorerFiles } from './explorer-files.ts';
import { createResponse, IMMUTABLE } from './responses.ts';

/**
 * The explorer's policy: its own files and its own server, no inline code, no frames, no HTML made from text. `data:`
 * is its icon.
 */
const EXPLORER_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'permissions-policy': 'camera=(self), microphone=(), geolocation=()',
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  vary: 'accept',
};

/** Most bytes of an Accept header that are looked at. */
const MAX_ACCEPT = 1_024;

/** Options of {@link startRoutes}. */
export interface StartOptions {
  readonly origin: string;
  /** The page for browsers; undefined: they get the page `/docs`. */
  readonly explorer: ExplorerFiles | undefined;
  /** Returns the kinds of names that only bearers of a lookup token may look up. */
  readonly privateKinds: () => readonly string[];
}

/** Serves `/`: the explorer to browsers, and the addresses to begin with to programs. */
export function startRoutes(app: Hono, { origin, explorer, privateKinds }: StartOptions): void {
  const api = apiPage(origin);
  app.get(PATHS.start, async (c) => {
    switch (wanted(c)) {
      case 'html':
        if (explorer === undefined) return respondApiPage(await api, { vary: 'accept' });
        return explorerPage(explorer, await escaped(origin), privateKinds());
      case 'json':
        return plain(JSON.stringify(startJson(origin)), JSON_MEDIA_TYPE);
      case 'text':
        return plain(startText(origin), 'text/plain; charset=utf-8');
    }
  });
  const assets = new Map(explorer?.assets.map((asset) => [asset.path, asset]));
  app.get(`${EXPLORER_PREFIX}*`, (c) => {
    const asset = assets.get(c.req.path);
    if (asset === undefined) throw new GlasskeyError('not-found', 'the explorer has no such file');
    const packed = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(c.req.header('accept-encoding') ?? '');
    const headers = { vary: 'accept-encoding', ...(packed && { 'content-encoding': 'gzip' }) };
    const body = packed ? asset.gzipped : asset.bytes;
    return createResponse(body, asset.mediaType, IMMUTABLE, { headers, forOperators: true });
  });
}

function explorerPage(explorer: ExplorerFiles, shown: string, privateKinds: readonly string[]): Response {
  const page = explorer.html.replaceAll('{{origin}}', () => shown).replaceAll('{{private}}', privateKinds.join(' '));
  return createResponse(page, HTML_MEDIA_TYPE, 'no-cache', { headers: EXPLORER_HEADERS, forOperators: true });
}

/** Returns a text as HTML. */
async function escaped(text: string): Promise<string> {
  return (await html`${text}`).toString();
}

function plain(body: string, mediaType: string): Response {
  return createResponse(body, mediaType, 'public, max-age=3600', { headers: { vary: 'accept' } });
}

/** Returns the form in which a client wants `/`: browsers ask for HTML, curl for anything. */
function wanted(c: Context): 'html' | 'json' | 'text' {
  const accept = (c.req.header('accept') ?? '').slice(0, MAX_ACCEPT).toLowerCase();
  if (accept.includes('text/html')) return 'html';
  return accept.includes(JSON_MEDIA_TYPE) ? 'json' : 'text';
}

function startJson(origin: string): object {
  const { trustBundle, checkpoint, rootPem, openapi, docs, ready } = PATHS;
  return { origin, trustBundle, checkpoint, root: rootPem, openapi, docs, ready };
}

function startText(origin: string): string {
  return `Glasskey: a certificate authority you can see through. This is the log ${origin}.

Look somebody up, and replay the whole log. You need no permission:
  glasskey lookup alice@example.com --server URL
  glasskey trust --server URL --out trust.json
  glasskey audit URL --trust trust.json

In a browser, this address checks the same.
${PATHS.docs}  every operation and error code
${PATHS.openapi}  the same for programs
${PATHS.trustBundle}  the trust bundle that clients pin
${PATHS.checkpoint}  the newest signed state of the log
`;
}
