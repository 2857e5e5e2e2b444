import { bytes, type Codec, enumeration, optional, struct, uint64, vector } from '../encoding/codec.ts';
import { labelCodec } from './vrf-input.ts';

/** Most labels in one {@link LookupBatchRequest}. */
export const MAXIMUM_BATCH_LABELS = 64;

/** Asks for many labels at once: each as a `LookupRequest` with this `last` would (docs/spec.md, "Many at once"). */
export interface LookupBatchRequest {
  /** Size of the last tree that the client verified. */
  readonly last: number | undefined;
  readonly labels: readonly Uint8Array[];
}

export const lookupBatchRequestCodec: Codec<LookupBatchRequest> = struct<LookupBatchRequest>({
  last: optional(uint64),
  labels: vector(labelCodec, 1, MAXIMUM_BATCH_LABELS),
});

/** What became of one label of a batch. */
export type LookupOutcome =
  /** An encoded `LookupResponse`; all of one batch are of one tree head. */
  | { readonly type: 'answered'; readonly response: Uint8Array }
  /** Problem details (RFC 9457), as the label alone would have got them. */
  | { readonly type: 'refused'; readonly problem: Uint8Array }
  /** Found no room in the answer: to be asked for again. Never the first. */
  | { readonly type: 'later' };

const ANSWERED = 1;
const REFUSED = 2;
const LATER = 3;
const typeCodec = enumeration([ANSWERED, REFUSED, LATER]);
const responseCodec = bytes(1, 0xff_ffff);
const problemCodec = bytes(1, 0xffff);

/** Codec of {@link LookupOutcome}. What it holds is not decoded: one that is malformed does not keep others from being read. */
export const lookupOutcomeCodec: Codec<LookupOutcome> = {
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
  readonly outcomes: readonly LookupOutcome[];
}

export const lookupBatchResponseCodec: Codec<LookupBatchResponse> = struct<LookupBatchResponse>({
  outcomes: vector(lookupOutcomeCodec, 1, MAXIMUM_BATCH_LABELS),
});
