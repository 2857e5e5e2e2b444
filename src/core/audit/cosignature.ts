import type { MlDsaSigner } from '../crypto/ml-dsa.ts';
import type { Signer } from '../crypto/signer.ts';
import { ensure } from '../errors.ts';
import { cosignedMessage, encodeTimestampedSignature, isCosignerVkey, openCosignature } from './cosigned-message.ts';
import type { Note, NoteSignature } from './note.ts';
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
  return {
    vkey,
    cosign: async (text, timestampMs) => {
      const timestamp = Math.floor(timestampMs / 1000);
      ensure(timestamp > 0, 'value-out-of-range', 'a cosignature needs a time');
      const signature = await signer.sign(cosignedMessage(vkey, text, timestamp));
      return { name: vkey.name, keyId: vkey.keyId, signature: encodeTimestampedSignature(timestamp, signature) };
    },
  };
}

/**
 * Returns the cosignatures of an untrusted note by the given cosigners, in the order of its lines, and ignores those of
 * unknown keys. The result may be empty: `assertWitnessed` of policy.ts checks that it suffices. Throws
 * `bad-checkpoint` if the line of a known key does not verify, since such a note is malformed (c2sp.org/signed-note).
 */
export function verifyCosignatures(note: Note, vkeys: readonly Vkey[]): readonly Cosignature[] {
  const found: Cosignature[] = [];
  for (const { name, keyId, signature } of note.signatures) {
    for (const vkey of vkeys) {
      if (!isCosignerVkey(vkey) || vkey.name !== name || vkey.keyId !== keyId) continue;
      const timestamp = openCosignature(vkey, note.text, signature);
      ensure(timestamp !== undefined, 'bad-checkpoint', `the cosignature of ${name} does not verify`);
      found.push({ vkey, timestampMs: timestamp * 1000 });
    }
  }
  return found;
}
