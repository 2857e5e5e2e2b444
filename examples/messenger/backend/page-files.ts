import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Hono } from 'hono';

/** Own scripts, styles and requests only; no inline code, no frames. `blob:` is for the pictures of a call. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "img-src 'self' data:",
  "media-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** Headers of every answer. */
export const SECURITY_HEADERS = {
  'content-security-policy': POLICY,
  'permissions-policy': 'camera=(self), microphone=(self), geolocation=()',
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
};

/** The built page: every file that is served, read once. `/` is the page of `pageOf`, by the host that was asked. */
export function pageFiles(folder: string, names: readonly string[], pageOf: (host: string) => string): Hono {
  const app = new Hono();
  const files = new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
  const answer = (name: string): Response => {
    const type = TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
    const body = new Uint8Array(files.get(name) ?? []);
    return new Response(body, { headers: { 'content-type': type, 'cache-control': 'no-cache' } });
  };
  app.get('/', (c) => answer(pageOf(c.req.header('host') ?? '')));
  for (const name of names) app.get(`/${name}`, () => answer(name));
  return app;
}
