import { GlasskeyError } from '../errors.ts';
import { assertEd25519Key, verifyEd25519 } from './ed25519-strict.ts';
import { rememberVrfProofs } from './verified-vrf-proofs.ts';
import { assertP256Key, verifyP256 } from './p256-signature.ts';
import { assertVrfPublicKey, VRF_PROOF_LENGTH, verifyVrf } from './vrf-ed25519.ts';
import { assertP256VrfKey, P256_VRF_PROOF_LENGTH, verifyP256Vrf } from './vrf-p256.ts';

/** The primitives of one KEYTRANS cipher suite (KT §11.1, §17.1) for a verifier. All inputs are untrusted. */
export interface CipherSuite {
  readonly id: number;
  readonly name: string;
  /** The algorithm of its signature keys and VRF keys. */
  readonly keyAlgorithm: 'ed25519' | 'p256';
  /** Hash.Nh, in bytes. */
  readonly hashLength: 32;
  /** VRF.Np, in bytes. */
  readonly vrfProofLength: number;
  /** Nc, in bytes. */
  readonly openingLength: 16;
  /** Throws `bad-key` if RFC 9381's validate_key refuses the VRF key. */
  assertVrfKey(publicKey: Uint8Array): void;
  /** Throws `bad-key` if the signature key is malformed or weak. */
  assertSignatureKey(publicKey: Uint8Array): void;
  /** Throws `bad-signature` if the signature does not verify. */
  verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): void;
  /** Returns the 32-byte VRF output that `proof` proves for `input`. Throws `bad-vrf-proof`. */
  verifyVrf(publicKey: Uint8Array, input: Uint8Array, proof: Uint8Array): Uint8Array;
}

/** The number of the cipher suite KT_128_SHA256_P256 (KT §17.1). */
export const KT_128_SHA256_P256 = 1;

/** The number of the cipher suite KT_128_SHA256_Ed25519 (KT §17.1). */
export const KT_128_SHA256_ED25519 = 2;

/** Bounds the memory of verified VRF proofs: about 10,000 of each suite, a few MB. */
const REMEMBERED_CHARACTERS = 4_000_000;

const ed25519Suite: CipherSuite = {
  id: KT_128_SHA256_ED25519,
  name: 'KT_128_SHA256_Ed25519',
  keyAlgorithm: 'ed25519',
  hashLength: 32,
  vrfProofLength: VRF_PROOF_LENGTH,
  openingLength: 16,
  assertVrfKey: assertVrfPublicKey,
  assertSignatureKey: assertEd25519Key,
  verifySignature: verifyEd25519,
  verifyVrf: rememberVrfProofs(verifyVrf, REMEMBERED_CHARACTERS),
};

const p256Suite: CipherSuite = {
  id: KT_128_SHA256_P256,
  name: 'KT_128_SHA256_P256',
  keyAlgorithm: 'p256',
  hashLength: 32,
  vrfProofLength: P256_VRF_PROOF_LENGTH,
  openingLength: 16,
  assertVrfKey: assertP256VrfKey,
  assertSignatureKey: assertP256Key,
  verifySignature: verifyP256,
  verifyVrf: rememberVrfProofs(verifyP256Vrf, REMEMBERED_CHARACTERS),
};

/** Returns the cipher suite of a number (KT §17.1). Throws `unsupported-suite`. */
export function cipherSuite(id: number): CipherSuite {
  if (id === KT_128_SHA256_ED25519) return ed25519Suite;
  if (id === KT_128_SHA256_P256) return p256Suite;
  throw new GlasskeyError('unsupported-suite', `cipher suite ${id} is not supported`);
}
