import type { Hono } from 'hono';
import { decode } from '../core/encoding/codec.ts';
import { auditorTreeHeadCodec } from '../core/keytrans/tree-head.ts';
import { MAX_KEYTRANS_BODY_BYTES } from '../contract/input-sizes.ts';
import { KEYTRANS_MEDIA_TYPE } from '../contract/media-types.ts';
import { PATHS } from '../contract/paths.ts';
import type { LogService } from '../service/log-service.ts';
import type { KeytransName } from '../service/prover/prover.ts';
import type { LookupAccess } from './lookup-access.ts';
import { createPackedResponse } from './packed-answer.ts';
import { readBody } from './read-body.ts';
import type { ReadTurns } from './read-turns.ts';
import { NO_STORE, createResponse } from './responses.ts';

/**
 * Serves the KEYTRANS operations, TLS-encoded both ways (`docs/spec.md#http`). Answers must not be cached: they change.
 * Each is about one name at most, and compressed where the asker accepts it.
 */
export function keytransRoutes(
  app: Hono,
  { keytrans, auditor }: LogService,
  access: LookupAccess,
  turns: ReadTurns,
): void {
  for (const [name, answer] of Object.entries(keytrans)) {
    app.post(PATHS[name as KeytransName], async (c) => {
      const request = await readBody(c, KEYTRANS_MEDIA_TYPE, MAX_KEYTRANS_BODY_BYTES);
      const asking = await access.asking(c);
      const answered = await answer(request, asking);
      asking.charge(answered.length);
      return createPackedResponse(c, [answered]);
    });
  }
  app.post(PATHS.auditorHead, async (c) => {
    const body = await readBody(c, KEYTRANS_MEDIA_TYPE, MAX_KEYTRANS_BODY_BYTES);
    const head = decode(auditorTreeHeadCodec, body);
    (await access.asking(c)).assertMayAskOfLog();
    await turns.run('files', c, () => auditor.accept(head));
    return createResponse(null, KEYTRANS_MEDIA_TYPE, NO_STORE, { status: 204 });
  });
}
