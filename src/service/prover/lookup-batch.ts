import { type Codec, encode } from '../../core/encoding/codec.ts';
import { assertWanted } from '../../core/still-wanted.ts';
import type { LookupBatchRequest } from '../../core/keytrans/lookup-batch-messages.ts';
import { type LookupResponse, lookupResponseCodec } from '../../core/keytrans/messages.ts';
import { MAX_RECORD_BYTES_SHOWN } from './answer-budget.ts';
import { type AskedLog, askLog } from './asked-log.ts';
import { lookupIn } from './lookup.ts';
import type { AssertMayAsk } from './lookup-policy.ts';
import type { ProverParts } from './prover-parts.ts';

/** Labels of one batch looked up concurrently. */
const AT_ONCE = 8;

/** Outcome of one label: an encoded LookupResponse, the error that refused it, or no room in this answer. */
export type BatchOutcome =
  | { readonly type: 'answered'; readonly response: Uint8Array }
  | { readonly type: 'refused'; readonly error: unknown }
  | { readonly type: 'later' };

/**
 * Answers an untrusted batch of lookups (`docs/spec.md#many-at-once`), all from one tree head. Calls `assertMayAsk` for
 * every label in order, before it looks anything up; what that throws is the label's outcome. Throws `too-far-behind`.
 */
export async function lookupBatch(
  parts: ProverParts,
  { last, labels }: LookupBatchRequest,
  assertMayAsk: AssertMayAsk,
): Promise<readonly BatchOutcome[]> {
  const codec = lookupResponseCodec(parts.context.configuration);
  const refusals = labels.map((label) => refusalOf(() => assertMayAsk(label)));
  const log = await askLog(parts, last);
  const outcomes: BatchOutcome[] = [];
  let room = MAX_RECORD_BYTES_SHOWN;
  for (let i = 0; i < labels.length && room > 0; i += AT_ONCE) {
    assertWanted(parts.signal);
    const some = labels
      .slice(i, i + AT_ONCE)
      .map(async (label, j) => refusals[i + j] ?? answer(parts, log, label, codec));
    for (const outcome of await Promise.all(some)) {
      if (outcome.type === 'answered') room -= outcome.response.length;
      const fits = room >= 0 || outcomes.length === 0 || outcome.type === 'refused';
      outcomes.push(fits ? outcome : { type: 'later' });
    }
  }
  return labels.map((_, i) => outcomes[i] ?? refusals[i] ?? { type: 'later' });
}

function refusalOf(work: () => void): BatchOutcome | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return { type: 'refused', error };
  }
}

async function answer(
  parts: ProverParts,
  log: AskedLog,
  label: Uint8Array,
  codec: Codec<LookupResponse>,
): Promise<BatchOutcome> {
  try {
    return { type: 'answered', response: encode(codec, await lookupIn(parts, log, { last: log.last, label })) };
  } catch (error) {
    return { type: 'refused', error };
  }
}
