import { type Codec, encode } from '../../core/encoding/codec.ts';
import { assertWanted } from '../../core/still-wanted.ts';
import type { LookupBatchRequest } from '../../core/keytrans/lookup-batch-messages.ts';
import { type LookupResponse, lookupResponseCodec } from '../../core/keytrans/messages.ts';
import { MAX_RECORD_BYTES_SHOWN } from './answer-budget.ts';
import { askLabel, type AskedLabel } from './asked-label.ts';
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

/** A label of a batch as it was read, or why it is not. */
type Read = AskedLabel | BatchOutcome;

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
  const newest = await askLog(parts, last);
  const read = await readLabels(parts, newest, { labels, refusals });
  const log = (await parts.recent?.cheapestFor(newest, read.filter(isAsked))) ?? newest;
  const outcomes: BatchOutcome[] = [];
  let room = MAX_RECORD_BYTES_SHOWN;
  for (let i = 0; i < read.length && room > 0; i += AT_ONCE) {
    assertWanted(parts.signal);
    const some = read.slice(i, i + AT_ONCE).map(async (one) => (isAsked(one) ? answer(parts, log, one, codec) : one));
    for (const outcome of await Promise.all(some)) {
      if (outcome.type === 'answered') room -= outcome.response.length;
      const fits = room >= 0 || outcomes.length === 0 || outcome.type === 'refused';
      outcomes.push(fits ? outcome : { type: 'later' });
    }
  }
  return labels.map((_, i) => outcomes[i] ?? refusals[i] ?? { type: 'later' });
}

/**
 * Reads the labels that may be asked about, in order. The answer has no room for those behind the first that exceed it,
 * which are not read.
 */
async function readLabels(
  parts: ProverParts,
  { size }: AskedLog,
  {
    labels,
    refusals,
  }: { readonly labels: readonly Uint8Array[]; readonly refusals: readonly (BatchOutcome | undefined)[] },
): Promise<readonly Read[]> {
  const read: Read[] = [];
  let room = MAX_RECORD_BYTES_SHOWN;
  for (let i = 0; i < labels.length && room > 0; i += AT_ONCE) {
    assertWanted(parts.signal);
    const some = labels
      .slice(i, i + AT_ONCE)
      .map(async (label, j): Promise<Read> => refusals[i + j] ?? askLabel(parts, label, size).catch(refusedBy));
    for (const one of await Promise.all(some)) {
      if (isAsked(one)) room -= one.greatest?.value?.length ?? 0;
      read.push(one);
    }
  }
  return read;
}

function isAsked(read: Read): read is AskedLabel {
  return 'labelKey' in read;
}

function refusedBy(error: unknown): BatchOutcome {
  return { type: 'refused', error };
}

function refusalOf(work: () => void): BatchOutcome | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return refusedBy(error);
  }
}

async function answer(
  parts: ProverParts,
  log: AskedLog,
  asked: AskedLabel,
  codec: Codec<LookupResponse>,
): Promise<BatchOutcome> {
  try {
    return { type: 'answered', response: encode(codec, await lookupIn(parts, log, asked)) };
  } catch (error) {
    return refusedBy(error);
  }
}
