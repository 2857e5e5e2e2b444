import type { MlDsaSigner } from '../crypto/ml-dsa.ts';
import type { Signer } from '../crypto/signer.ts';
import { ensure } from '../errors.ts';
import { cosignedMessage, encodeTimestampedSignature, isCosignerVkey, openCosignature } from './cosigned-message.ts';
import type { Note, NoteSignature } from './note.ts';
import { cosignatureVkey, ED25519_COSIGNATURE, ML_DSA_COSIGNATURE, type Vkey } from './vkey.ts';

/** A verified cosignature: the cosigner saw that the checkpoint continues all that it had seen of the log. */
export interface Cosignature {
  readonly vkey: Vkey;
  /** When it was made, by the cosigner's clock; whole seconds. Zero says: the largest tree it knew is another matter. */
  readonly timestampMs: number;
}

/** A key that cosigns checkpoints (c2sp.org/tlog-cosignature). Whoever calls it has checked consistency first. */
export interface NoteCosigner {
  readonly vkey: Vkey;
  /**
   * The signature line for the checkpoint of note text `text` at a time. Throws `bad-checkpoint` for another text, and
   * `value-out-of-range` for a time before the first second of 1970, or too long an origin.
   */
  cosign(text: string, timestampMs: number): Promise<NoteSignature>;
}

/**
 * Puts a name to a key that cosigns: type 0x04 for Ed25519, 0x06 for ML-DSA-44. Logs sign their own checkpoints in the
 * latter way too, under their origin (c2sp.org/tlog-checkpoint). Throws `value-out-of-range` for another algorithm or an
 * impossible name.
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
 * The cosignatures of an untrusted note by the given cosigners, in the order of its lines; those of unknown keys are
 * ignored. None is an answer: see `assertWitnessed` of policy.ts for what has to be there. Throws `bad-checkpoint` where
 * the line of a known key does not verify: such a note is malformed (c2sp.org/signed-note).
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
