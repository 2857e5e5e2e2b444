import type { Hono } from 'hono';
import { encodeUtf8 } from '../core/encoding/bytes.ts';
import { decode, encode } from '../core/encoding/codec.ts';
import {
  lookupBatchOutcomeCodec,
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
import { createPackedResponse } from './packed-answer.ts';
import { readBody } from './read-body.ts';

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
    return createPackedResponse(c, partsOf(outcomes.map(encodeOutcome)));
  });
}

/** Encodes a LookupBatchResponse as one part for each name; the number of names goes with the first. */
function partsOf(outcomes: readonly LookupBatchOutcome[]): readonly Uint8Array[] {
  const whole = encode(lookupBatchResponseCodec, { outcomes });
  const parts: Uint8Array[] = [];
  let end = whole.length;
  for (const outcome of outcomes.slice(1).toReversed()) {
    const start = end - encode(lookupBatchOutcomeCodec, outcome).length;
    parts.push(whole.subarray(start, end));
    end = start;
  }
  return [...parts, whole.subarray(0, end)].toReversed();
}

function encodeOutcome(outcome: BatchOutcome): LookupBatchOutcome {
  if (outcome.type !== 'refused') return outcome;
  return { type: 'refused', problem: encodeUtf8(JSON.stringify(problemOf(outcome.error))) };
}
