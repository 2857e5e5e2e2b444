import { type Codec, enumeration, fixedBytes, struct, uint64, uint8, vector } from '../encoding/codec.ts';

/** `HashValue` (KT §12.1): Hash.Nh bytes. */
export const hashValueCodec: Codec<Uint8Array> = fixedBytes(32);

/** A batch proof of the log tree (KT §12.1): heads of balanced subtrees, left to right. */
export interface InclusionProof {
  readonly elements: readonly Uint8Array[];
}

export const inclusionProofCodec: Codec<InclusionProof> = struct<InclusionProof>({
  elements: vector(hashValueCodec, 0, 0xffff),
});

/** A leaf of the prefix tree (KT §12.2). */
export interface PrefixLeaf {
  /** The search key: 32 bytes. */
  readonly vrfOutput: Uint8Array;
  /** 32 bytes. */
  readonly commitment: Uint8Array;
}

export const prefixLeafCodec: Codec<PrefixLeaf> = struct<PrefixLeaf>({
  vrfOutput: hashValueCodec,
  commitment: hashValueCodec,
});

/** The result of one search in a prefix tree (KT §12.2). `depth` is that of the terminal node, 0..255. */
export type PrefixSearchResult =
  | { readonly type: 'inclusion'; readonly depth: number }
  | { readonly type: 'nonInclusionLeaf'; readonly leaf: PrefixLeaf; readonly depth: number }
  | { readonly type: 'nonInclusionParent'; readonly depth: number };

const RESULT_TYPES = { inclusion: 1, nonInclusionLeaf: 2, nonInclusionParent: 3 } as const;
const resultTypeCodec = enumeration([1, 2, 3]);

export const prefixSearchResultCodec: Codec<PrefixSearchResult> = {
  write: (writer, result) => {
    resultTypeCodec.write(writer, RESULT_TYPES[result.type]);
    if (result.type === 'nonInclusionLeaf') prefixLeafCodec.write(writer, result.leaf);
    uint8.write(writer, result.depth);
  },
  read: (reader) => {
    const type = resultTypeCodec.read(reader);
    if (type === 1) return { type: 'inclusion', depth: uint8.read(reader) };
    if (type === 3) return { type: 'nonInclusionParent', depth: uint8.read(reader) };
    return { type: 'nonInclusionLeaf', leaf: prefixLeafCodec.read(reader), depth: uint8.read(reader) };
  },
};

/** A batch proof of the prefix tree (KT §12.2): results in the order of the searches, elements left to right. */
export interface PrefixProof {
  readonly results: readonly PrefixSearchResult[];
  readonly elements: readonly Uint8Array[];
}

export const prefixProofCodec: Codec<PrefixProof> = struct<PrefixProof>({
  results: vector(prefixSearchResultCodec, 0, 0xff),
  elements: vector(hashValueCodec, 0, 0xffff),
});

/**
 * The evidence for a run of KEYTRANS algorithms (KT §12.3). Only running the algorithm reveals to which entry each
 * element belongs.
 */
export interface CombinedTreeProof {
  /** Milliseconds since the epoch, in the order of the algorithm's first requests. */
  readonly timestamps: readonly number[];
  readonly prefixProofs: readonly PrefixProof[];
  /** Left to right. */
  readonly prefixRoots: readonly Uint8Array[];
  readonly inclusion: InclusionProof;
}

export const combinedTreeProofCodec: Codec<CombinedTreeProof> = struct<CombinedTreeProof>({
  timestamps: vector(uint64, 0, 0xff),
  prefixProofs: vector(prefixProofCodec, 0, 0xff),
  prefixRoots: vector(hashValueCodec, 0, 0xff),
  inclusion: inclusionProofCodec,
});
