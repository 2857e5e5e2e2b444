import { cipherSuite } from '../crypto/cipher-suite.ts';
import { bytes, type Codec, fixedBytes, optional, struct, uint32, uint64, vector } from '../encoding/codec.ts';
import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import { type BinaryLadderStep, binaryLadderStepCodec } from './messages.ts';
import { type CombinedTreeProof, combinedTreeProofCodec } from './proofs.ts';
import { type FullTreeHead, fullTreeHeadCodec } from './tree-head.ts';
import { labelCodec } from './vrf-input.ts';

/** `LabelValue` (KT §13.5). */
export const labelValueCodec: Codec<Uint8Array> = bytes(0, 0xffff_ffff);

/** `UpdateRequest` (KT §13.5). Without values it asks for the versions created after `greatestVersion`. */
export interface UpdateRequest {
  /** The size of the last tree that the client verified. */
  readonly last: number | undefined;
  readonly label: Uint8Array;
  /** The greatest version that the owner knows. */
  readonly greatestVersion: number | undefined;
  readonly values: readonly Uint8Array[];
}

export const updateRequestCodec: Codec<UpdateRequest> = struct<UpdateRequest>({
  last: optional(uint64),
  label: labelCodec,
  greatestVersion: optional(uint32),
  values: vector(labelValueCodec, 0, 0xff),
});

/** `UpdateInfo` (KT §13.5) of one new version. */
export interface UpdateInfo {
  /** Nc = 16 bytes. */
  readonly opening: Uint8Array;
  /** The Service Operator's signature, in third-party management only. */
  readonly signature: Uint8Array | undefined;
}

/** `UpdateResponse` (KT §13.5): the versions that one log entry created. */
export interface UpdateResponse {
  readonly fullTreeHead: FullTreeHead;
  /** The log entry that created the versions. */
  readonly position: number;
  /** The number of versions skipped before them, in third-party management only. */
  readonly skippedVersions: number | undefined;
  /** Their values; empty if they are the values of the request. */
  readonly values: readonly Uint8Array[];
  readonly info: readonly UpdateInfo[];
  readonly binaryLadder: readonly BinaryLadderStep[];
  readonly update: CombinedTreeProof;
}

/** `UpdateResponse` of a log with this Configuration (KT §13.5). */
export function updateResponseCodec(config: Configuration): Codec<UpdateResponse> {
  const managed = config.mode === 'thirdPartyManagement';
  return struct<UpdateResponse>({
    fullTreeHead: fullTreeHeadCodec(config),
    position: uint64,
    skippedVersions: onlyWhere(managed, uint32),
    values: vector(labelValueCodec, 0, 0xff),
    info: vector(
      struct<UpdateInfo>({
        opening: fixedBytes(cipherSuite(config.cipherSuite).openingLength),
        signature: onlyWhere(managed, bytes(0, 0xffff)),
      }),
      0,
      0xff,
    ),
    binaryLadder: vector(binaryLadderStepCodec(config), 0, 0xff),
    update: combinedTreeProofCodec,
  });
}

/**
 * The answer to an {@link UpdateRequest} over HTTP. Each response is as if it were requested after the one before it.
 */
export function updateResponsesCodec(config: Configuration): Codec<readonly UpdateResponse[]> {
  return vector(updateResponseCodec(config), 1, 0xff);
}

/** A field that exists in one deployment mode and leaves no trace in the others. */
function onlyWhere<T>(present: boolean, codec: Codec<T>): Codec<T | undefined> {
  return {
    write: (writer, value) => {
      ensure(present === (value !== undefined), 'value-out-of-range', 'a field against the deployment mode');
      if (value !== undefined) codec.write(writer, value);
    },
    read: (reader) => (present ? codec.read(reader) : undefined),
  };
}
