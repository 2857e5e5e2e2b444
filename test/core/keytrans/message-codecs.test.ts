import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import { lookupBatchRequestCodec, lookupBatchResponseCodec } from '../../../src/core/keytrans/lookup-batch-messages.ts';
import {
  chainRequestCodec,
  chainResponseCodec,
  lookupRequestCodec,
  lookupResponseCodec,
  searchRequestCodec,
  searchResponseCodec,
  updateValueCodec,
} from '../../../src/core/keytrans/messages.ts';
import {
  combinedTreeProofCodec,
  inclusionProofCodec,
  prefixLeafCodec,
  prefixProofCodec,
  prefixSearchResultCodec,
} from '../../../src/core/keytrans/proofs.ts';
import { auditorTreeHeadCodec, fullTreeHeadCodec, treeHeadCodec } from '../../../src/core/keytrans/tree-head.ts';
import { encodeVrfInput, vrfInputCodec } from '../../../src/core/keytrans/vrf-input.ts';
import { expectCodecLaws } from '../encoding/codec-laws.ts';
import * as arbitrary from './message-arbitraries.ts';

const MALFORMED = expect.objectContaining({ code: 'malformed-encoding' });
const OUT_OF_RANGE = expect.objectContaining({ code: 'value-out-of-range' });

const common = {
  cipherSuite: 2,
  signaturePublicKey: new Uint8Array(32).fill(1),
  vrfPublicKey: new Uint8Array(32).fill(2),
  maxAheadMs: 60_000,
  maxBehindMs: 600_000,
  reasonableMonitoringWindowMs: 21_600_000,
  maximumLifetimeMs: undefined,
} as const;
const CONFIGURATIONS = [
  { ...common, mode: 'contactMonitoring' },
  { ...common, mode: 'thirdPartyManagement', leafPublicKey: new Uint8Array(32).fill(3) },
  {
    ...common,
    mode: 'thirdPartyAuditing',
    maxAuditorLagMs: 1000,
    auditorStartPosition: 0,
    auditorPublicKey: new Uint8Array(32).fill(4),
  },
] as const;
const [contactMonitoring, , thirdPartyAuditing] = CONFIGURATIONS;

describe('the codecs of every mode keep the laws', () => {
  it('Configuration', () => expectCodecLaws(configurationCodec, arbitrary.configurations));
  it('TreeHead', () => expectCodecLaws(treeHeadCodec, arbitrary.treeHeads));
  it('AuditorTreeHead', () => expectCodecLaws(auditorTreeHeadCodec, arbitrary.auditorTreeHeads));
  it('PrefixLeaf', () => expectCodecLaws(prefixLeafCodec, arbitrary.prefixLeaves));
  it('PrefixSearchResult', () => expectCodecLaws(prefixSearchResultCodec, arbitrary.prefixSearchResults));
  it('PrefixProof', () => expectCodecLaws(prefixProofCodec, arbitrary.prefixProofs));
  it('InclusionProof', () => expectCodecLaws(inclusionProofCodec, arbitrary.inclusionProofs));
  it('CombinedTreeProof', () => expectCodecLaws(combinedTreeProofCodec, arbitrary.combinedTreeProofs));
  it('SearchRequest', () => expectCodecLaws(searchRequestCodec, arbitrary.searchRequests));
  it('LookupRequest', () => expectCodecLaws(lookupRequestCodec, arbitrary.lookupRequests));
  it('LookupBatchRequest', () => expectCodecLaws(lookupBatchRequestCodec, arbitrary.lookupBatchRequests));
  it('LookupBatchResponse', () => expectCodecLaws(lookupBatchResponseCodec, arbitrary.lookupBatchResponses));
  it('ChainRequest', () => expectCodecLaws(chainRequestCodec, arbitrary.chainRequests));
  it('VrfInput', () => {
    expectCodecLaws(vrfInputCodec, fc.record({ label: arbitrary.labels, version: arbitrary.versions }));
  });
});

describe.each(CONFIGURATIONS)('the codecs of $mode keep the laws', (config) => {
  it('FullTreeHead', () => expectCodecLaws(fullTreeHeadCodec(config), arbitrary.fullTreeHeads(config.mode)));
  it('UpdateValue', () => expectCodecLaws(updateValueCodec(config.mode), arbitrary.updateValues(config.mode)));
  it('SearchResponse', () => {
    expectCodecLaws(
      searchResponseCodec(config, { version: undefined }),
      arbitrary.searchResponses(config.mode, false),
      40,
    );
    expectCodecLaws(searchResponseCodec(config, { version: 5 }), arbitrary.searchResponses(config.mode, true), 40);
  });
  it('LookupResponse', () => expectCodecLaws(lookupResponseCodec(config), arbitrary.lookupResponses(config.mode), 40));
  it('ChainResponse', () => expectCodecLaws(chainResponseCodec(config), arbitrary.chainResponses(config.mode)));
});

describe('the message codecs', () => {
  it('give different versions and labels different VRF inputs', () => {
    const inputs = fc.tuple(arbitrary.labels, arbitrary.versions);
    fc.assert(
      fc.property(inputs, inputs, (a, b) => {
        const same = Buffer.from(a[0]).equals(b[0]) && a[1] === b[1];
        expect(Buffer.from(encodeVrfInput(...a)).equals(encodeVrfInput(...b))).toBe(same);
      }),
    );
  });

  it('take labels of 0 to 255 bytes and versions to 2^32-1', () => {
    expect(encodeVrfInput(new Uint8Array(0), 2 ** 32 - 1)).toEqual(Uint8Array.of(0, 255, 255, 255, 255));
    expect(() => encodeVrfInput(new Uint8Array(256), 0)).toThrow(OUT_OF_RANGE);
    expect(() => encodeVrfInput(new Uint8Array(0), 2 ** 32)).toThrow(OUT_OF_RANGE);
  });

  it('refuse an auditor head, a signature or a version that the mode or the request has no place for', () => {
    const treeHead = { treeSize: 1, signature: new Uint8Array(64) };
    const auditorTreeHead = { ...treeHead, timestampMs: 1 };
    const updated = { type: 'updated', treeHead } as const;
    expect(() => encode(fullTreeHeadCodec(contactMonitoring), { ...updated, auditorTreeHead })).toThrow(OUT_OF_RANGE);
    expect(() => encode(fullTreeHeadCodec(thirdPartyAuditing), { ...updated, auditorTreeHead: undefined })).toThrow(
      OUT_OF_RANGE,
    );
    const signed = { value: new Uint8Array(0), signature: new Uint8Array(64) };
    expect(() => encode(updateValueCodec('contactMonitoring'), signed)).toThrow(OUT_OF_RANGE);
    expect(() => encode(updateValueCodec('thirdPartyManagement'), { ...signed, signature: undefined })).toThrow(
      OUT_OF_RANGE,
    );
  });

  it('refuse a search answer that has a version against the request', () => {
    const [greatest] = fc.sample(arbitrary.searchResponses('contactMonitoring', false), 1);
    const named = { ...greatest!, version: undefined };
    expect(() => encode(searchResponseCodec(contactMonitoring, { version: undefined }), named)).toThrow(OUT_OF_RANGE);
    expect(() => encode(searchResponseCodec(contactMonitoring, { version: 1 }), greatest!)).toThrow(OUT_OF_RANGE);
  });

  it('know no other enumeration values', () => {
    for (const value of [0, 4, 255]) {
      expect(() => decode(prefixSearchResultCodec, Uint8Array.of(value, 0))).toThrow(MALFORMED);
      expect(() => decode(configurationCodec, Uint8Array.of(0, 2, value))).toThrow(MALFORMED);
    }
    for (const value of [0, 3, 255]) {
      expect(() => decode(fullTreeHeadCodec(contactMonitoring), Uint8Array.of(value))).toThrow(MALFORMED);
      expect(() => decode(lookupResponseCodec(contactMonitoring), Uint8Array.of(value))).toThrow(MALFORMED);
    }
  });
});
