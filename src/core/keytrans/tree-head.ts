import { cipherSuite } from '../crypto/cipher-suite.ts';
import { type SignedMessage, VerifiedSignatures } from '../crypto/verified-signatures.ts';
import { bytes, type Codec, encode, enumeration, fixedBytes, struct, uint64 } from '../encoding/codec.ts';
import { ensure } from '../errors.ts';
import { type Configuration, configurationCodec } from './configuration.ts';

/** `TreeHead` (KT §11.2). */
export interface TreeHead {
  readonly treeSize: number;
  readonly signature: Uint8Array;
}

/** `AuditorTreeHead` (KT §11.3). */
export interface AuditorTreeHead {
  readonly timestampMs: number;
  readonly treeSize: number;
  readonly signature: Uint8Array;
}

/** `FullTreeHead` (KT §11.4): the head that the client advertised, or a newer one. */
export type FullTreeHead =
  | { readonly type: 'same' }
  | { readonly type: 'updated'; readonly treeHead: TreeHead; readonly auditorTreeHead: AuditorTreeHead | undefined };

const signatureCodec = bytes(0, 0xffff);

export const treeHeadCodec: Codec<TreeHead> = struct<TreeHead>({ treeSize: uint64, signature: signatureCodec });

export const auditorTreeHeadCodec: Codec<AuditorTreeHead> = struct<AuditorTreeHead>({
  timestampMs: uint64,
  treeSize: uint64,
  signature: signatureCodec,
});

const headTypeCodec = enumeration([1, 2]);

/** `FullTreeHead` of a log with this Configuration (KT §11.4). */
export function fullTreeHeadCodec(config: Configuration): Codec<FullTreeHead> {
  const audited = config.mode === 'thirdPartyAuditing';
  return {
    write: (writer, head) => {
      headTypeCodec.write(writer, head.type === 'same' ? 1 : 2);
      if (head.type === 'same') return;
      treeHeadCodec.write(writer, head.treeHead);
      ensure(audited === (head.auditorTreeHead !== undefined), 'value-out-of-range', 'auditor head against the mode');
      if (head.auditorTreeHead !== undefined) auditorTreeHeadCodec.write(writer, head.auditorTreeHead);
    },
    read: (reader) => {
      if (headTypeCodec.read(reader) === 1) return { type: 'same' };
      const treeHead = treeHeadCodec.read(reader);
      return {
        type: 'updated',
        treeHead,
        auditorTreeHead: audited ? auditorTreeHeadCodec.read(reader) : undefined,
      };
    },
  };
}

const rootCodec = fixedBytes(32);
const treeHeadTbsCodec = struct<{ config: Configuration; treeSize: number; root: Uint8Array }>({
  config: configurationCodec,
  treeSize: uint64,
  root: rootCodec,
});
const auditorTreeHeadTbsCodec = struct<{
  config: Configuration;
  timestampMs: number;
  treeSize: number;
  root: Uint8Array;
}>({ config: configurationCodec, timestampMs: uint64, treeSize: uint64, root: rootCodec });

/** Encodes `TreeHeadTBS` (KT §11.2), which a TreeHead's signature covers. `root` is the log tree's, 32 bytes. */
export function encodeTreeHeadTbs(config: Configuration, treeSize: number, root: Uint8Array): Uint8Array {
  return encode(treeHeadTbsCodec, { config, treeSize, root });
}

/** Encodes `AuditorTreeHeadTBS` (KT §11.3), which an AuditorTreeHead's signature covers. */
export function encodeAuditorTreeHeadTbs(
  config: Configuration,
  head: Pick<AuditorTreeHead, 'timestampMs' | 'treeSize'>,
  root: Uint8Array,
): Uint8Array {
  return encode(auditorTreeHeadTbsCodec, { config, timestampMs: head.timestampMs, treeSize: head.treeSize, root });
}

/** Verifies the signature of an untrusted tree head over `root` (KT §11.4 step 2.2). Throws `bad-signature`. */
export function verifyTreeHead(config: Configuration, head: TreeHead, root: Uint8Array): void {
  const message = encodeTreeHeadTbs(config, head.treeSize, root);
  verifyOnce(config, { publicKey: config.signaturePublicKey, message, signature: head.signature });
}

/** Verifies the signature of an untrusted auditor tree head over `root` (KT §11.3 step 4). Throws `bad-signature`. */
export function verifyAuditorTreeHead(config: Configuration, head: AuditorTreeHead, root: Uint8Array): void {
  ensure(config.mode === 'thirdPartyAuditing', 'bad-tree-head', 'this log has no auditor');
  const message = encodeAuditorTreeHeadTbs(config, head, root);
  verifyOnce(config, { publicKey: config.auditorPublicKey, message, signature: head.signature });
}

/** The verified heads of a few logs, each with its auditor's. */
const verified = new VerifiedSignatures(8);

function verifyOnce({ cipherSuite: id }: Configuration, signed: SignedMessage): void {
  const suite = cipherSuite(id);
  verified.verify(signed, ({ publicKey, message, signature }) => suite.verifySignature(publicKey, message, signature));
}
