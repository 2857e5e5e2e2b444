import { cipherSuite } from '../crypto/cipher-suite.ts';
import { type Codec, enumeration, fixedBytes, struct, uint32, uint64, vector } from '../encoding/codec.ts';
import type { Configuration } from './configuration.ts';
import { type BinaryLadderStep, binaryLadderStepCodec, type UpdateValue, updateValueCodec } from './messages.ts';
import { type CombinedTreeProof, combinedTreeProofCodec, type PrefixProof, prefixProofCodec } from './proofs.ts';
import { type TreeHead, treeHeadCodec } from './tree-head.ts';
import { labelCodec } from './vrf-input.ts';

/** The fields of every credential (KT §14). */
interface CommonCredential {
  readonly label: Uint8Array;
  /** The greatest version of the label. */
  readonly version: number;
  /** Nc = 16 bytes. */
  readonly opening: Uint8Array;
  readonly value: UpdateValue;
  /** The whole ladder of `version`, as in a SearchResponse. */
  readonly binaryLadder: readonly BinaryLadderStep[];
  /** The recent distinguished log entry against which the credential is verified. */
  readonly position: number;
}

/** A credential whose version is in the distinguished entry (KT §14.1). */
export interface StandardCredential extends CommonCredential {
  readonly type: 'standard';
  /** The search ladder for `version` in the distinguished entry. */
  readonly distinguished: PrefixProof;
}

/** A credential whose version came after the distinguished entry (KT §14.2). */
export interface ProvisionalCredential extends CommonCredential {
  readonly type: 'provisional';
  readonly treeHead: TreeHead;
  /** Updates the view of a client that has seen `position + 1` entries, then searches for the greatest version. */
  readonly search: CombinedTreeProof;
}

/** `Credential` (KT §14): a proof that users pass to each other. */
export type Credential = StandardCredential | ProvisionalCredential;

const credentialTypeCodec = enumeration([1, 2]);

/** `Credential` of a log with this Configuration (KT §14). */
export function credentialCodec(config: Configuration): Codec<Credential> {
  const common = struct<CommonCredential>({
    label: labelCodec,
    version: uint32,
    opening: fixedBytes(cipherSuite(config.cipherSuite).openingLength),
    value: updateValueCodec(config.mode),
    binaryLadder: vector(binaryLadderStepCodec(config), 0, 0xff),
    position: uint64,
  });
  return {
    write: (writer, credential) => {
      common.write(writer, credential);
      credentialTypeCodec.write(writer, credential.type === 'standard' ? 1 : 2);
      if (credential.type === 'standard') return prefixProofCodec.write(writer, credential.distinguished);
      treeHeadCodec.write(writer, credential.treeHead);
      combinedTreeProofCodec.write(writer, credential.search);
    },
    read: (reader) => {
      const fields = common.read(reader);
      if (credentialTypeCodec.read(reader) === 1) {
        return { ...fields, type: 'standard', distinguished: prefixProofCodec.read(reader) };
      }
      const treeHead = treeHeadCodec.read(reader);
      return { ...fields, type: 'provisional', treeHead, search: combinedTreeProofCodec.read(reader) };
    },
  };
}

/** `CredentialUpdate` (KT §14.2): leads from a provisional credential to a distinguished log entry. */
export interface CredentialUpdate {
  readonly monitor: CombinedTreeProof;
}

export const credentialUpdateCodec: Codec<CredentialUpdate> = struct<CredentialUpdate>({
  monitor: combinedTreeProofCodec,
});

/**
 * Glasskey's own request for a `Credential` (docs/spec.md#asking-for-credentials). The log answers every caller that
 * may look the label up.
 */
export interface CredentialRequest {
  readonly label: Uint8Array;
  /** The distinguished log entry against which the credential will be verified. */
  readonly position: number;
}

export const credentialRequestCodec: Codec<CredentialRequest> = struct<CredentialRequest>({
  label: labelCodec,
  position: uint64,
});

/**
 * Glasskey's own request for the `CredentialUpdate` of a provisional credential (docs/spec.md#asking-for-credentials).
 */
export interface CredentialUpdateRequest {
  readonly label: Uint8Array;
  readonly version: number;
  /** The size of the credential's tree head. */
  readonly treeSize: number;
  /** The terminal log entry of the credential's search. */
  readonly terminal: number;
  /** The first distinguished log entry right of the terminal one. */
  readonly distinguished: number;
}

export const credentialUpdateRequestCodec: Codec<CredentialUpdateRequest> = struct<CredentialUpdateRequest>({
  label: labelCodec,
  version: uint32,
  treeSize: uint64,
  terminal: uint64,
  distinguished: uint64,
});
