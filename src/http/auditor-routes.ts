import { Hono } from 'hono';
import { JSON_MEDIA_TYPE, KEYTRANS_MEDIA_TYPE } from '../contract/media-types.ts';
import { AUDITOR_PATHS } from '../contract/paths.ts';
import { encode } from '../core/encoding/codec.ts';
import { auditorTreeHeadCodec } from '../core/keytrans/tree-head.ts';
import type { Auditor } from '../service/auditor/auditor.ts';
import type { AuditorMetrics } from './auditor-metrics.ts';
import { NO_STORE, createResponse } from './responses.ts';

const TEXT = 'text/plain; charset=utf-8';

/** Options of {@link createAuditorApp}. */
export interface AuditorAppOptions {
  readonly auditor: Pick<Auditor, 'head' | 'halt'>;
  readonly metrics: AuditorMetrics;
  /** Now in ms. */
  readonly now: () => number;
}

/**
 * Creates the HTTP interface of a third-party auditor. `GET /auditor-head`: the newest AuditorTreeHead (KT §11.3),
 * TLS-encoded; 404 before the first, 409 once the log has misbehaved. `GET /evidence`: the evidence of that. Also
 * `/healthz` and `/metrics`.
 */
export function createAuditorApp({ auditor, metrics, now }: AuditorAppOptions): Hono {
  const app = new Hono();
  const text = (body: string, status: number): Response => createResponse(`${body}\n`, TEXT, NO_STORE, { status });
  app.get(AUDITOR_PATHS.head, () => {
    if (auditor.halt !== undefined) return text('the log misbehaved: this auditor has stopped signing', 409);
    if (auditor.head === undefined) return text('this auditor has not signed a head yet', 404);
    return createResponse(encode(auditorTreeHeadCodec, auditor.head), KEYTRANS_MEDIA_TYPE, NO_STORE);
  });
  app.get(AUDITOR_PATHS.evidence, () => {
    if (auditor.halt === undefined) return text('this auditor has no evidence of misbehaviour', 404);
    return createResponse(auditor.halt.evidence, JSON_MEDIA_TYPE, NO_STORE);
  });
  app.get(AUDITOR_PATHS.health, () => {
    const halted = auditor.halt !== undefined;
    const body = halted ? 'the log misbehaved\n' : 'ok\n';
    return createResponse(body, TEXT, NO_STORE, { status: halted ? 503 : 200, forOperators: true });
  });
  app.get(AUDITOR_PATHS.metrics, async () =>
    createResponse(await metrics.format(now()), metrics.contentType, NO_STORE, { forOperators: true }),
  );
  app.notFound(() => text('there is nothing at this path', 404));
  return app;
}
