import type { Hono } from 'hono';
import { MAX_KEYTRANS_BODY_BYTES } from '../contract/limits.ts';
import { KEYTRANS_MEDIA_TYPE } from '../contract/media-types.ts';
import { PATHS } from '../contract/paths.ts';
import type { LogService } from '../service/log-service.ts';
import { readBody } from './read-body.ts';
import { NO_STORE, respond } from './responses.ts';

/** The KEYTRANS operations, TLS-encoded both ways (DESIGN §15). Answers depend on the moment: never cached. */
export function keytransRoutes(app: Hono, service: LogService): void {
  const operations: [string, (request: Uint8Array) => Promise<Uint8Array>][] = [
    [PATHS.lookup, (request) => service.lookup(request)],
    [PATHS.search, (request) => service.search(request)],
    [PATHS.chain, (request) => service.chain(request)],
  ];
  for (const [path, operation] of operations) {
    app.post(path, async (c) => {
      const request = await readBody(c, KEYTRANS_MEDIA_TYPE, MAX_KEYTRANS_BODY_BYTES);
      return respond(await operation(request), KEYTRANS_MEDIA_TYPE, NO_STORE);
    });
  }
}
