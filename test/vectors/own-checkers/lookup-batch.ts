import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import { ensure, isGlasskeyError } from '../../../src/core/errors.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import {
  type LookupBatchOutcome,
  lookupBatchRequestCodec,
  lookupBatchResponseCodec,
} from '../../../src/core/keytrans/lookup-batch-messages.ts';
import { lookupResponseCodec } from '../../../src/core/keytrans/messages.ts';
import { verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';
import type { OwnChecker } from './checker.ts';
import { viewOf } from './retained.ts';

/** Cases of `lookup-batch.json`. */
export const checkLookupBatch: OwnChecker = ({ configuration, view, nowMs, request, response }) => {
  const config = decode(configurationCodec, parseHex(configuration));
  const context = { config, view: view === null ? undefined : viewOf(view), nowMs };
  const { last, labels } = decode(lookupBatchRequestCodec, parseHex(request));
  const { outcomes } = decode(lookupBatchResponseCodec, parseHex(response));
  ensure(outcomes.length === labels.length, 'bad-response', 'another number of outcomes');
  ensure(outcomes[0]?.type !== 'later', 'bad-response', 'the first is put off');
  let head: { readonly size: number; readonly logRoot: string } | undefined;
  const settle = (outcome: LookupBatchOutcome, label: Uint8Array): object => {
    if (outcome.type === 'later') return outcome;
    if (outcome.type === 'refused') {
      const { code } = JSON.parse(new TextDecoder().decode(outcome.problem)) as { readonly code: string };
      return { type: 'refused', code };
    }
    const answer = decode(lookupResponseCodec(config), outcome.response);
    const result = verifyLookup(context, { last, label }, answer);
    const shown = { size: result.view.size, logRoot: formatHex(result.logRoot) };
    head ??= shown;
    ensure(head.size === shown.size && head.logRoot === shown.logRoot, 'view-mismatch', 'two tree heads');
    if (result.type === 'absent') return { type: 'absent' };
    const { version, value, commitment } = result;
    return { type: 'found', version, value: formatHex(value), commitment: formatHex(commitment) };
  };
  const settled = outcomes.map((outcome, i) => {
    try {
      return settle(outcome, labels[i] as Uint8Array);
    } catch (error) {
      if (!isGlasskeyError(error)) throw error;
      return { type: 'bad', code: error.code };
    }
  });
  return { size: head?.size ?? null, logRoot: head?.logRoot ?? null, outcomes: settled };
};
