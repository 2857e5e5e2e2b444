import { cipherSuite } from '../crypto/cipher-suite.ts';
import {
  bytes,
  type Codec,
  enumeration,
  fixedBytes,
  optional,
  struct,
  uint32,
  uint64,
  vector,
} from '../encoding/codec.ts';
import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import { type CombinedTreeProof, combinedTreeProofCodec, hashValueCodec } from './proofs.ts';
import { type FullTreeHead, fullTreeHeadCodec } from './tree-head.ts';
import { labelCodec } from './vrf-input.ts';

/** `UpdateValue` (KT §11.5): the content to which a commitment opens. */
export interface UpdateValue {
  readonly value: Uint8Array;
  /** The operator's signature, in third-party management only. */
  readonly signature: Uint8Array | undefined;
}

const valueCodec = bytes(0, 0xffff_ffff);
const suffixSignatureCodec = bytes(0, 0xffff);

/** `UpdateValue` of a log with this deployment mode (KT §11.5). */
export function updateValueCodec(mode: Configuration['mode']): Codec<UpdateValue> {
  const signed = mode === 'thirdPartyManagement';
  return {
    write: (writer, update) => {
      valueCodec.write(writer, update.value);
      ensure(signed === (update.signature !== undefined), 'value-out-of-range', 'update suffix against the mode');
      if (update.signature !== undefined) suffixSignatureCodec.write(writer, update.signature);
    },
    read: (reader) => ({
      value: valueCodec.read(reader),
      signature: signed ? suffixSignatureCodec.read(reader) : undefined,
    }),
  };
}

/** `SearchRequest` (KT §13.1). Without `version` it searches for the greatest. */
export interface SearchRequest {
  /** The size of the last tree that the client verified. */
  readonly last: number | undefined;
  readonly label: Uint8Array;
  readonly version: number | undefined;
}

export const searchRequestCodec: Codec<SearchRequest> = struct<SearchRequest>({
  last: optional(uint64),
  label: labelCodec,
  version: optional(uint32),
});

/** `BinaryLadderStep` (KT §13.1). */
export interface BinaryLadderStep {
  /** VRF.Np bytes. */
  readonly proof: Uint8Array;
  readonly commitment: Uint8Array | undefined;
}

/** `BinaryLadderStep` of a log with this cipher suite (KT §13.1). */
export function binaryLadderStepCodec(config: Pick<Configuration, 'cipherSuite'>): Codec<BinaryLadderStep> {
  return struct<BinaryLadderStep>({
    proof: fixedBytes(cipherSuite(config.cipherSuite).vrfProofLength),
    commitment: optional(hashValueCodec),
  });
}

/** `SearchResponse` (KT §13.1). */
export interface SearchResponse {
  readonly fullTreeHead: FullTreeHead;
  /** The greatest version: present if and only if the request named no version. */
  readonly version: number | undefined;
  /** Nc = 16 bytes. */
  readonly opening: Uint8Array;
  readonly value: UpdateValue;
  readonly binaryLadder: readonly BinaryLadderStep[];
  readonly search: CombinedTreeProof;
}

/** `SearchResponse` to `request` from a log with this Configuration (KT §13.1). */
export function searchResponseCodec(
  config: Configuration,
  request: Pick<SearchRequest, 'version'>,
): Codec<SearchResponse> {
  const version: Codec<number | undefined> =
    request.version === undefined
      ? {
          write: (writer, value) => {
            ensure(value !== undefined, 'value-out-of-range', 'the version is missing');
            uint32.write(writer, value);
          },
          read: (reader) => uint32.read(reader),
        }
      : {
          write: (_, value) => ensure(value === undefined, 'value-out-of-range', 'the request named the version'),
          read: () => undefined,
        };
  return struct<SearchResponse>({
    fullTreeHead: fullTreeHeadCodec(config),
    version,
    opening: fixedBytes(cipherSuite(config.cipherSuite).openingLength),
    value: updateValueCodec(config.mode),
    binaryLadder: vector(binaryLadderStepCodec(config), 0, 0xff),
    search: combinedTreeProofCodec,
  });
}

/** Glasskey's own lookup: a greatest-version search whose answer may be a proof of absence. */
export interface LookupRequest {
  readonly last: number | undefined;
  readonly label: Uint8Array;
}

export const lookupRequestCodec: Codec<LookupRequest> = struct<LookupRequest>({
  last: optional(uint64),
  label: labelCodec,
});

/** The answer to a {@link LookupRequest}: found, or proved absent (docs/spec.md#negative-answers). */
export type LookupResponse =
  | { readonly type: 'found'; readonly response: SearchResponse }
  | {
      readonly type: 'absent';
      readonly fullTreeHead: FullTreeHead;
      /** The VRF proof of version 0 of the label. */
      readonly vrfProof: Uint8Array;
      readonly proof: CombinedTreeProof;
    };

const lookupTypeCodec = enumeration([1, 2]);

/** A lookup's answer from a log with this Configuration. */
export function lookupResponseCodec(config: Configuration): Codec<LookupResponse> {
  const found = searchResponseCodec(config, { version: undefined });
  const head = fullTreeHeadCodec(config);
  const vrfProof = fixedBytes(cipherSuite(config.cipherSuite).vrfProofLength);
  return {
    write: (writer, answer) => {
      lookupTypeCodec.write(writer, answer.type === 'found' ? 1 : 2);
      if (answer.type === 'found') return found.write(writer, answer.response);
      head.write(writer, answer.fullTreeHead);
      vrfProof.write(writer, answer.vrfProof);
      combinedTreeProofCodec.write(writer, answer.proof);
    },
    read: (reader) => {
      if (lookupTypeCodec.read(reader) === 1) return { type: 'found', response: found.read(reader) };
      return {
        type: 'absent',
        fullTreeHead: head.read(reader),
        vrfProof: vrfProof.read(reader),
        proof: combinedTreeProofCodec.read(reader),
      };
    },
  };
}

/** Asks for the openings and values of versions first..last (inclusive) of a label. */
export interface ChainRequest {
  readonly label: Uint8Array;
  readonly first: number;
  readonly last: number;
}

/** The greatest number of versions in one {@link ChainRequest}. */
export const MAXIMUM_CHAIN_LINKS = 64;

export const chainRequestCodec: Codec<ChainRequest> = struct<ChainRequest>({
  label: labelCodec,
  first: uint32,
  last: uint32,
});

/** The opening and value of one version. */
export interface ChainLink {
  readonly opening: Uint8Array;
  readonly value: UpdateValue;
}

/** The requested versions, ascending. They prove nothing until each opens the commitment that its successor names. */
export interface ChainResponse {
  readonly links: readonly ChainLink[];
}

/** A chain answer from a log with this Configuration. */
export function chainResponseCodec(config: Configuration): Codec<ChainResponse> {
  const link = struct<ChainLink>({
    opening: fixedBytes(cipherSuite(config.cipherSuite).openingLength),
    value: updateValueCodec(config.mode),
  });
  return struct<ChainResponse>({ links: vector(link, 1, 0xff) });
}
