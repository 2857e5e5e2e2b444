import type { Hono } from 'hono';
import { isGlasskeyError } from '../core/errors.ts';
import { HTML_MEDIA_TYPE, JSON_MEDIA_TYPE } from '../contract/media-types.ts';
import { PATHS } from '../contract/paths.ts';
import type { LogService } from '../service/log-service.ts';
import { findUnreadiness } from '../service/readiness.ts';
import { API_PAGE_POLICY, apiPage } from './api-page.ts';
import type { Metrics } from './metrics.ts';
import { openApiDocument } from './openapi-document.ts';
import { NO_STORE, createResponse } from './responses.ts';

/** Result of one readiness check. */
interface Check {
  readonly name: 'database' | 'signer' | 'log';
  readonly ok: boolean;
  /** For the operator. */
  readonly detail: string;
}

/** Serves liveness, readiness, metrics, and the description of the API for programs and for people. */
export function operatorRoutes(app: Hono, service: LogService, metrics: Metrics, ping: () => Promise<void>): void {
  app.get(PATHS.health, () => createResponse('{"status":"ok"}', JSON_MEDIA_TYPE, NO_STORE, { forOperators: true }));
  app.get(PATHS.ready, async () => {
    const checks = [
      await check('database', ping),
      await check('signer', () => service.signers.check()),
      await check('log', () => findUnreadiness(service)),
    ];
    const ok = checks.every((one) => one.ok);
    const body = JSON.stringify({ status: ok ? 'ready' : 'not ready', checks });
    return createResponse(body, JSON_MEDIA_TYPE, NO_STORE, { status: ok ? 200 : 503, forOperators: true });
  });
  app.get(PATHS.metrics, async () => {
    const health = await service.health().catch(() => undefined);
    return createResponse(await metrics.format(health, service.context.now()), metrics.contentType, NO_STORE, {
      forOperators: true,
    });
  });
  const document = JSON.stringify(openApiDocument());
  app.get(PATHS.openapi, () => createResponse(document, JSON_MEDIA_TYPE, 'public, max-age=3600'));
  const page = apiPage(service.context.origin);
  const headers = { 'content-security-policy': API_PAGE_POLICY, 'referrer-policy': 'no-referrer' };
  for (const path of [PATHS.start, PATHS.docs]) {
    app.get(path, async () =>
      createResponse(await page, HTML_MEDIA_TYPE, 'public, max-age=3600', { headers, forOperators: true }),
    );
  }
}

/** Runs one check: `work` returns what is wrong, or throws it. */
async function check(name: Check['name'], work: () => Promise<string | undefined | void>): Promise<Check> {
  try {
    const wrong = await work();
    return { name, ok: wrong === undefined, detail: wrong ?? 'ok' };
  } catch (error) {
    const detail = isGlasskeyError(error) ? `${error.code}: ${error.message}` : 'failed';
    return { name, ok: false, detail };
  }
}
