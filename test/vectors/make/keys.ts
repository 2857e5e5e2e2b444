import { createPrivateKey } from 'node:crypto';
import { createIssuingCa, createRoot, type Issuer } from '../../../src/ca/authority.ts';
import { issueLeaf } from '../../../src/ca/issue.ts';
import { signerFromKey } from '../../../src/ca/keys/node-signer.ts';
import { DEFAULT_PROFILE, leafValidity } from '../../../src/ca/profile.ts';
import { newSerial } from '../../../src/ca/serial.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import type { Signer } from '../../../src/core/crypto/signer.ts';
import { encodeUtf8, parseHex } from '../../../src/core/encoding/bytes.ts';

/** When the vectors happen. */
export const NOW_MS = 1_800_000_000_000;
/** The log that they are of. */
export const ORIGIN = 'log.example/vectors';
/** Whose records they are. */
export const ALICE = 'mailto:alice@example.com';
/** {@link ALICE} as KEYTRANS has it. */
export const LABEL = encodeUtf8(ALICE);

/** The PKCS#8 of an Ed25519 key but for its 32 bytes (RFC 8410 §7). */
const PKCS8 = parseHex('302e020100300506032b657004220420');

/** The Ed25519 key whose 32 secret bytes all are `seed`. */
export function seededSigner(seed: number): Signer {
  const key = Buffer.concat([PKCS8, Buffer.alloc(32, seed)]);
  return signerFromKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' }));
}

/** Bytes that depend on `seed` alone. */
export function seededBytes(seed: string, length: number): Uint8Array {
  return sha256(encodeUtf8(`glasskey vectors: ${seed}`)).slice(0, length);
}

/** Keys of Alice's devices, and of one that is not hers. */
export const KEYS = {
  phone: seededSigner(11),
  laptop: seededSigner(12),
  tablet: seededSigner(13),
  mallory: seededSigner(14),
};

/** Name of a key of {@link KEYS}. */
export type KeyName = keyof typeof KEYS;

/** SHA-256 of a key's SubjectPublicKeyInfo. */
export function spkiHash(name: KeyName): Uint8Array {
  return sha256(KEYS[name].spki);
}

/** A root and the issuing CA below it. */
export async function makeAuthority(): Promise<Issuer> {
  const random = (length: number): Uint8Array => seededBytes('authority', length);
  const root = await createRoot({ signer: seededSigner(21), commonName: 'Vector Root', nowMs: NOW_MS, random });
  return createIssuingCa({
    signer: seededSigner(22),
    commonName: 'Vector Issuing CA',
    nowMs: NOW_MS,
    root,
    random: (length) => seededBytes('issuing', length),
  });
}

/** Alice's certificate for one of the keys; another `number` gives another certificate of the same key. */
export async function makeCertificate(issuer: Issuer, name: KeyName, number = 0): Promise<Uint8Array> {
  return issueLeaf(issuer, {
    spki: KEYS[name].spki,
    san: { kind: 'email', value: ALICE.slice('mailto:'.length) },
    serial: newSerial((length) => seededBytes(`serial ${name} ${number}`, length)),
    profile: DEFAULT_PROFILE,
    urls: { crl: undefined, caIssuers: undefined },
    ...leafValidity(DEFAULT_PROFILE, issuer.certificate, NOW_MS + number * 1000),
  });
}
