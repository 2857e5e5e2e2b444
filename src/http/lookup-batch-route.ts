import type { Hono } from 'hono';
import { encodeUtf8 } from '../core/encoding/bytes.ts';
import { decode, encode } from '../core/encoding/codec.ts';
import {
  lookupBatchRequestCodec,
  lookupBatchResponseCodec,
  type LookupBatchOutcome,
} from '../core/keytrans/lookup-batch-messages.ts';
import { MAX_LOOKUP_BATCH_BODY_BYTES } from '../contract/input-sizes.ts';
import { KEYTRANS_MEDIA_TYPE } from '../contract/media-types.ts';
import { PATHS } from '../contract/paths.ts';
import { problemOf } from '../contract/problem.ts';
import type { LogService } from '../service/log-service.ts';
import type { BatchOutcome } from '../service/prover/lookup-batch.ts';
import type { LookupAccess } from './lookup-access.ts';
import { readBody } from './read-body.ts';
import { NO_STORE, createResponse } from './responses.ts';

/**
 * Serves `POST /keytrans/v1/lookup-batch` (`docs/spec.md#many-at-once`). Each label counts as a question of its own,
 * when it is answered or refused.
 */
export function lookupBatchRoute(app: Hono, { prover }: LogService, access: LookupAccess): void {
  app.post(PATHS.lookupBatch, async (c) => {
    const body = await readBody(c, KEYTRANS_MEDIA_TYPE, MAX_LOOKUP_BATCH_BODY_BYTES);
    const asking = await access.asking(c);
    const request = decode(lookupBatchRequestCodec, body);
    const outcomes = await prover.lookupBatch(request, asking);
    for (const outcome of outcomes) {
      if (outcome.type === 'answered') asking.charge(outcome.response.length);
      if (outcome.type === 'later') asking.giveBack();
    }
    const answer = encode(lookupBatchResponseCodec, { outcomes: outcomes.map(encodeOutcome) });
    return createResponse(answer, KEYTRANS_MEDIA_TYPE, NO_STORE);
  });
}

function encodeOutcome(outcome: BatchOutcome): LookupBatchOutcome {
  if (outcome.type !== 'refused') return outcome;
  return { type: 'refused', problem: encodeUtf8(JSON.stringify(problemOf(outcome.error))) };
}
