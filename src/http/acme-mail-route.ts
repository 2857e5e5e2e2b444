import { createHash, timingSafeEqual } from 'node:crypto';
import type { Hono } from 'hono';
import { JSON_MEDIA_TYPE, MAIL_MEDIA_TYPE } from '../contract/media-types.ts';
import { PATHS } from '../contract/paths.ts';
import { ensure } from '../core/errors.ts';
import { acceptReply } from '../service/acme/acme-replies.ts';
import type { AcmeSettings } from '../service/acme/acme-settings.ts';
import { MAX_REPLY_BYTES } from '../service/acme/reply-mail.ts';
import type { LogService } from '../service/log-service.ts';
import type { RateLimits } from './rate-limits.ts';
import { bearerToken, readBody } from './read-body.ts';
import { createResponse, NO_STORE } from './responses.ts';

/** Serves `POST /acme/mail`: the operator's mail server hands a reply over, with its secret. `on` throws while off. */
export function acmeMailRoute(app: Hono, service: LogService, limits: RateLimits, on: () => AcmeSettings): void {
  app.post(PATHS.acmeMail, async (c) => {
    const shown = bearerToken(c) ?? '';
    await limits.admit(c, undefined);
    const { mail } = on();
    ensure(mail !== undefined, 'not-found', 'this server proves no address by a reply');
    const isServer = timingSafeEqual(digest(shown), digest(mail.secret));
    ensure(isServer, 'unauthenticated', 'only the mail server hands replies over');
    await acceptReply(service, mail, await readBody(c, MAIL_MEDIA_TYPE, MAX_REPLY_BYTES));
    return createResponse(null, JSON_MEDIA_TYPE, NO_STORE, { status: 204 });
  });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
