import fc from 'fast-check';
import type { LookupBatchOutcome } from '../../../src/core/keytrans/lookup-batch-messages.ts';
import type { Configuration } from '../../../src/core/keytrans/configuration.ts';
import type {
  BinaryLadderStep,
  ChainResponse,
  LookupResponse,
  SearchRequest,
  SearchResponse,
  UpdateValue,
} from '../../../src/core/keytrans/messages.ts';
import type { CombinedTreeProof, PrefixProof, PrefixSearchResult } from '../../../src/core/keytrans/proofs.ts';
import type { FullTreeHead } from '../../../src/core/keytrans/tree-head.ts';

const fixed = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const maybe = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined });

/** A position or a size: often at the edges of 32 and 53 bits. */
export const positions: fc.Arbitrary<number> = fc.oneof(
  fc.maxSafeNat(),
  fc.nat({ max: 1000 }),
  fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
);

/** A version: often at the edges of 31 and 32 bits. */
export const versions: fc.Arbitrary<number> = fc.oneof(
  fc.nat({ max: 2 ** 32 - 1 }),
  fc.nat({ max: 300 }),
  fc.constantFrom(2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1),
);

export const labels: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 255 });
const hashes = fixed(32);
const signatures = fc.uint8Array({ maxLength: 70 });

const common = {
  cipherSuite: fc.constant(2),
  signaturePublicKey: fixed(32),
  vrfPublicKey: fixed(32),
  maxAheadMs: positions,
  maxBehindMs: positions,
  reasonableMonitoringWindowMs: positions,
  maximumLifetimeMs: maybe(positions),
};

/** Configurations of all deployment modes. */
export const configurations: fc.Arbitrary<Configuration> = fc.oneof(
  fc.record({ ...common, mode: fc.constant('contactMonitoring' as const) }),
  fc.record({ ...common, mode: fc.constant('thirdPartyManagement' as const), leafPublicKey: fixed(32) }),
  fc.record({
    ...common,
    mode: fc.constant('thirdPartyAuditing' as const),
    maxAuditorLagMs: positions,
    auditorStartPosition: positions,
    auditorPublicKey: fixed(32),
  }),
);

export const treeHeads = fc.record({ treeSize: positions, signature: signatures });
export const auditorTreeHeads = fc.record({ timestampMs: positions, treeSize: positions, signature: signatures });

/** FullTreeHeads of a log with this mode. */
export function fullTreeHeads(mode: Configuration['mode']): fc.Arbitrary<FullTreeHead> {
  return fc.oneof(
    fc.constant({ type: 'same' as const }),
    fc.record({
      type: fc.constant('updated' as const),
      treeHead: treeHeads,
      auditorTreeHead: mode === 'thirdPartyAuditing' ? auditorTreeHeads : fc.constant(undefined),
    }),
  );
}

/** UpdateValues of a log with this mode. */
export function updateValues(mode: Configuration['mode']): fc.Arbitrary<UpdateValue> {
  return fc.record({
    value: fc.uint8Array({ maxLength: 100 }),
    signature: mode === 'thirdPartyManagement' ? signatures : fc.constant(undefined),
  });
}

export const prefixLeaves = fc.record({ vrfOutput: hashes, commitment: hashes });

const depths = fc.nat({ max: 255 });
export const prefixSearchResults: fc.Arbitrary<PrefixSearchResult> = fc.oneof(
  fc.record({ type: fc.constant('inclusion' as const), depth: depths }),
  fc.record({ type: fc.constant('nonInclusionLeaf' as const), leaf: prefixLeaves, depth: depths }),
  fc.record({ type: fc.constant('nonInclusionParent' as const), depth: depths }),
);

export const prefixProofs: fc.Arbitrary<PrefixProof> = fc.record({
  results: fc.array(prefixSearchResults, { maxLength: 5 }),
  elements: fc.array(hashes, { maxLength: 5 }),
});

export const inclusionProofs = fc.record({ elements: fc.array(hashes, { maxLength: 5 }) });

export const combinedTreeProofs: fc.Arbitrary<CombinedTreeProof> = fc.record({
  timestamps: fc.array(positions, { maxLength: 6 }),
  prefixProofs: fc.array(prefixProofs, { maxLength: 3 }),
  prefixRoots: fc.array(hashes, { maxLength: 3 }),
  inclusion: inclusionProofs,
});

export const searchRequests: fc.Arbitrary<SearchRequest> = fc.record({
  last: maybe(positions),
  label: labels,
  version: maybe(versions),
});

export const lookupRequests = fc.record({ last: maybe(positions), label: labels });
export const lookupBatchRequests = fc.record({
  last: fc.option(positions, { nil: undefined }),
  labels: fc.array(labels, { minLength: 1, maxLength: 3 }),
});
const someBytes = fc.uint8Array({ minLength: 1, maxLength: 40 });
export const lookupOutcomes: fc.Arbitrary<LookupBatchOutcome> = fc.oneof(
  fc.record({ type: fc.constant('answered' as const), response: someBytes }),
  fc.record({ type: fc.constant('refused' as const), problem: someBytes }),
  fc.constant({ type: 'later' } as const),
);
export const lookupBatchResponses = fc.record({ outcomes: fc.array(lookupOutcomes, { minLength: 1, maxLength: 3 }) });
export const chainRequests = fc.record({ label: labels, first: versions, last: versions });

/** Steps of a ladder whose VRF proofs have this length. */
export function ladderSteps(proofLength = 80): fc.Arbitrary<BinaryLadderStep> {
  return fc.record({ proof: fixed(proofLength), commitment: maybe(hashes) });
}

/** Answers to a search; `named` tells whether the request named a version. */
export function searchResponses(
  mode: Configuration['mode'],
  named: boolean,
  proofLength = 80,
): fc.Arbitrary<SearchResponse> {
  return fc.record({
    fullTreeHead: fullTreeHeads(mode),
    version: named ? fc.constant(undefined) : versions,
    opening: fixed(16),
    value: updateValues(mode),
    binaryLadder: fc.array(ladderSteps(proofLength), { maxLength: 4 }),
    search: combinedTreeProofs,
  });
}

export function lookupResponses(mode: Configuration['mode'], proofLength = 80): fc.Arbitrary<LookupResponse> {
  return fc.oneof(
    fc.record({ type: fc.constant('found' as const), response: searchResponses(mode, false, proofLength) }),
    fc.record({
      type: fc.constant('absent' as const),
      fullTreeHead: fullTreeHeads(mode),
      vrfProof: fixed(proofLength),
      proof: combinedTreeProofs,
    }),
  );
}

export function chainResponses(mode: Configuration['mode']): fc.Arbitrary<ChainResponse> {
  return fc.record({
    links: fc.array(fc.record({ opening: fixed(16), value: updateValues(mode) }), { minLength: 1, maxLength: 4 }),
  });
}
