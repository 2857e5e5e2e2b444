import type { MlDsaSigner } from '../crypto/ml-dsa.ts';
import type { Signer } from '../crypto/signer.ts';
import { ensure } from '../errors.ts';
import {
  cosignedMessage,
  cosignedSubtree,
  encodeTimestampedSignature,
  isCosignerVkey,
  isSubtreeCosignature,
  openCosignature,
} from './cosigned-message.ts';
import { isLineOf, type Note, type NoteSignature, parseSignatureLines } from './note.ts';
import type { Subtree } from './subtree.ts';
import { cosignatureVkey, ED25519_COSIGNATURE, ML_DSA_COSIGNATURE, type Vkey } from './vkey.ts';

/**
 * A verified cosignature: the cosigner saw that the checkpoint continues all earlier checkpoints of the log it had
 * seen.
 */
export interface Cosignature {
  readonly vkey: Vkey;
  /**
   * The time of the cosignature by the cosigner's clock, in whole seconds. Zero makes no statement about the largest
   * tree that the cosigner knew.
   */
  readonly timestampMs: number;
}

/** A key that cosigns checkpoints (c2sp.org/tlog-cosignature). The caller must have checked consistency first. */
export interface NoteCosigner {
  readonly vkey: Vkey;
  /**
   * Makes the signature line for the checkpoint with note text `text` at a time. Throws `bad-checkpoint` for any other
   * text. Throws `value-out-of-range` for a time before the first second of 1970, or for an origin that is too long.
   */
  cosign(text: string, timestampMs: number): Promise<NoteSignature>;
  /**
   * Makes the signature line for a subtree of the log `origin`, with time zero. Throws `value-out-of-range` for an
   * Ed25519 key, whose cosignatures cannot name a subtree, and for an origin above 255 bytes.
   */
  cosignSubtree(origin: string, subtree: Subtree): Promise<NoteSignature>;
}

/**
 * Binds a name to a cosigning key: type 0x04 for Ed25519, 0x06 for ML-DSA-44. A log may also sign its own checkpoints
 * with ML-DSA-44, under its origin (c2sp.org/tlog-checkpoint). Throws `value-out-of-range` for another algorithm or an
 * invalid name.
 */
export function cosignatureSigner(name: string, signer: Signer | MlDsaSigner): NoteCosigner {
  const { algorithm, publicKey } = signer;
  const isKnown = algorithm === 'ed25519' || algorithm === 'ml-dsa-44';
  ensure(isKnown, 'value-out-of-range', 'cosignatures are made with Ed25519 or ML-DSA-44 keys');
  const vkey = cosignatureVkey(name, algorithm === 'ed25519' ? ED25519_COSIGNATURE : ML_DSA_COSIGNATURE, publicKey);
  const line = (timestamp: number, signature: Uint8Array): NoteSignature => {
    return { name: vkey.name, keyId: vkey.keyId, signature: encodeTimestampedSignature(timestamp, signature) };
  };
  return {
    vkey,
    cosign: async (text, timestampMs) => {
      const timestamp = Math.floor(timestampMs / 1000);
      ensure(timestamp > 0, 'value-out-of-range', 'a cosignature needs a time');
      return line(timestamp, await signer.sign(cosignedMessage(vkey, text, timestamp)));
    },
    cosignSubtree: async (origin, subtree) => line(0, await signer.sign(cosignedSubtree(vkey, origin, subtree))),
  };
}

/**
 * Returns the cosignatures of an untrusted note by the given cosigners, in the order of its lines, and ignores those of
 * unknown keys. The result may be empty: `assertWitnessed` of policy.ts checks that it suffices. Throws
 * `bad-checkpoint` if the line of a known key does not verify, since such a note is malformed (c2sp.org/signed-note).
 */
export function verifyCosignatures(note: Note, vkeys: readonly Vkey[]): readonly Cosignature[] {
  const found: Cosignature[] = [];
  for (const line of note.signatures) {
    for (const vkey of vkeys) {
      if (!isCosignerVkey(vkey) || !isLineOf(vkey, line)) continue;
      const timestamp = openCosignature(vkey, note.text, line.signature);
      ensure(timestamp !== undefined, 'bad-checkpoint', `the cosignature of ${line.name} does not verify`);
      found.push({ vkey, timestampMs: timestamp * 1000 });
    }
  }
  return found;
}

/**
 * Returns the keys, among those given, whose cosignatures of a subtree of the log `origin` are in `lines`: a witness's
 * untrusted answer to `sign-subtree` (c2sp.org/tlog-witness). It ignores lines of unknown keys, so the result may be
 * empty. Throws `bad-note` if it is not made of signature lines, and `bad-signature` if one of a known key does not
 * verify.
 */
export function verifySubtreeCosignatures(
  lines: string,
  { origin, subtree, vkeys }: { readonly origin: string; readonly subtree: Subtree; readonly vkeys: readonly Vkey[] },
): readonly Vkey[] {
  const signatures = parseSignatureLines(lines);
  return vkeys.filter((vkey) => {
    const own = signatures.filter((line) => isLineOf(vkey, line));
    for (const { signature } of own) {
      const isValid = isSubtreeCosignature(vkey, origin, subtree, signature);
      ensure(isValid, 'bad-signature', `the cosignature of ${vkey.name} does not verify`);
    }
    return own.length > 0;
  });
}
