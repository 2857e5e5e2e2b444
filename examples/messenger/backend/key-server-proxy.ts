import { Hono } from 'hono';
import { proxy } from 'hono/proxy';
import { Refusal } from './refusal.ts';

/** Paths of the Glasskey server that devices need. */
const PATHS = ['/keytrans/*', '/log/*', '/ca/*', '/crl/*', '/v1/*', '/.well-known/glasskey'];
/** Headers of a device that are passed on. Cookies and tokens are not. */
const HEADERS = ['content-type', 'accept', 'accept-encoding'];

/**
 * Passes what devices ask the Glasskey server on to it, so that the page talks to its own origin only. It need not be
 * trusted: devices verify every answer. The server sees one address for all of them: tell it of the proxy
 * (`trusted_proxies`), or limit requests here.
 */
export function keyServerProxy(url: () => string): Hono {
  const app = new Hono();
  for (const path of PATHS) {
    app.all(path, async (c) => {
      const { method, raw } = c.req;
      const headers = new Headers();
      for (const name of HEADERS) {
        const value = c.req.header(name);
        if (value !== undefined) headers.set(name, value);
      }
      const { pathname, search } = new URL(c.req.url);
      const body = method === 'GET' || method === 'HEAD' ? null : await raw.arrayBuffer();
      return proxy(`${url()}${pathname}${search}`, { method, headers, body }).catch(() => {
        throw new Refusal(502, 'no-key-server', 'The key server cannot be reached.');
      });
    });
  }
  return app;
}
