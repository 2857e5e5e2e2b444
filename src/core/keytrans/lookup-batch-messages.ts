import { bytes, type Codec, enumeration, optional, struct, uint64, vector } from '../encoding/codec.ts';
import { labelCodec } from './vrf-input.ts';

/** The greatest number of labels in one {@link LookupBatchRequest}. */
export const MAXIMUM_BATCH_LABELS = 64;

/** Looks up many labels at once, each as a `LookupRequest` with this `last` would (docs/spec.md#many-at-once). */
export interface LookupBatchRequest {
  /** The size of the last tree that the client verified. */
  readonly last: number | undefined;
  readonly labels: readonly Uint8Array[];
}

export const lookupBatchRequestCodec: Codec<LookupBatchRequest> = struct<LookupBatchRequest>({
  last: optional(uint64),
  labels: vector(labelCodec, 1, MAXIMUM_BATCH_LABELS),
});

/** The outcome for one label of a batch. */
export type LookupBatchOutcome =
  /** An encoded `LookupResponse`; all responses of one batch share one tree head. */
  | { readonly type: 'answered'; readonly response: Uint8Array }
  /** Problem details (RFC 9457), as for a lookup of the label alone. */
  | { readonly type: 'refused'; readonly problem: Uint8Array }
  /** The answer had no room: look the label up again. Never the first outcome. */
  | { readonly type: 'later' };

const ANSWERED = 1;
const REFUSED = 2;
const LATER = 3;
const typeCodec = enumeration([ANSWERED, REFUSED, LATER]);
const responseCodec = bytes(1, 0xff_ffff);
const problemCodec = bytes(1, 0xffff);

/**
 * The encoding of {@link LookupBatchOutcome}. It does not decode the content, so that a malformed response does not
 * block the others.
 */
export const lookupBatchOutcomeCodec: Codec<LookupBatchOutcome> = {
  write: (writer, outcome) => {
    switch (outcome.type) {
      case 'answered':
        typeCodec.write(writer, ANSWERED);
        return responseCodec.write(writer, outcome.response);
      case 'refused':
        typeCodec.write(writer, REFUSED);
        return problemCodec.write(writer, outcome.problem);
      case 'later':
        return typeCodec.write(writer, LATER);
    }
  },
  read: (reader) => {
    const type = typeCodec.read(reader);
    if (type === ANSWERED) return { type: 'answered', response: responseCodec.read(reader) };
    return type === REFUSED ? { type: 'refused', problem: problemCodec.read(reader) } : { type: 'later' };
  },
};

/** The answer to a {@link LookupBatchRequest}: one outcome for each of its labels, in their order. */
export interface LookupBatchResponse {
  readonly outcomes: readonly LookupBatchOutcome[];
}

export const lookupBatchResponseCodec: Codec<LookupBatchResponse> = struct<LookupBatchResponse>({
  outcomes: vector(lookupBatchOutcomeCodec, 1, MAXIMUM_BATCH_LABELS),
});
