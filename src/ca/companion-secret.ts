import { x25519 } from '@noble/curves/ed25519.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { equalBytes } from '../core/encoding/bytes.ts';
import { GlasskeyError } from '../core/errors.ts';
import type { CompanionKeys } from './companion-keys.ts';
import { DerTag } from './der/der-reader.ts';
import { der, derOid, derSequence } from './der/der-writer.ts';
import { CompanionKeyOid } from './der/oids.ts';
import { formatPem, parsePem } from './der/pem.ts';
import { withCode } from './der/with-code.ts';

/** Kinds of companion keys, as users write them. */
export const COMPANION_KINDS = ['x25519', 'ml-kem-768'] as const;

/** One kind of companion key. */
export type CompanionKind = (typeof COMPANION_KINDS)[number];

interface Kind {
  readonly field: keyof CompanionKeys;
  readonly oid: string;
  /** Length of the private key. */
  readonly bytes: number;
  /** The tag of the private key inside PKCS#8: an OCTET STRING (RFC 8410 §7), or the seed (RFC 9935 §6). */
  readonly tag: number;
  readonly publicKey: (secret: Uint8Array) => Uint8Array;
}

const KINDS: Readonly<Record<CompanionKind, Kind>> = {
  x25519: {
    field: 'x25519',
    oid: CompanionKeyOid.x25519,
    bytes: 32,
    tag: DerTag.octetString,
    publicKey: (secret) => x25519.getPublicKey(secret),
  },
  'ml-kem-768': {
    field: 'mlKem768',
    oid: CompanionKeyOid.mlKem768,
    bytes: 64,
    tag: 0x80,
    publicKey: (seed) => ml_kem768.keygen(seed).publicKey,
  },
};

const VERSION_0 = der(DerTag.integer, Uint8Array.of(0));

/** The field of {@link CompanionKeys} that holds this kind. */
export function companionField(kind: CompanionKind): keyof CompanionKeys {
  return KINDS[kind].field;
}

/** Creates a private key as PEM PKCS#8 (RFC 5958 §2), not encrypted. ML-KEM-768 is stored as its seed. */
export function createCompanionSecret(kind: CompanionKind, random: (length: number) => Uint8Array): string {
  return formatCompanionSecret(kind, random(companionSecretBytes(kind)));
}

/** Length of a private key of this kind: 32 bytes, or a seed of 64. */
export function companionSecretBytes(kind: CompanionKind): number {
  return KINDS[kind].bytes;
}

/** Formats the bytes of a private key as {@link createCompanionSecret} does. */
export function formatCompanionSecret(kind: CompanionKind, secret: Uint8Array): string {
  return formatPem('PRIVATE KEY', encodeSecret(kind, secret));
}

/** Returns the public key of the bytes of a private key. */
export function publicCompanion(kind: CompanionKind, secret: Uint8Array): Uint8Array {
  return KINDS[kind].publicKey(secret);
}

/** Returns the public key of a file that {@link createCompanionSecret} wrote. Throws `bad-key-file`. */
export function companionPublicKey(kind: CompanionKind, pem: string): Uint8Array {
  return withCode('bad-key-file', 'companion key', () => {
    const secret = readCompanionSecret(kind, parsePem('PRIVATE KEY', pem));
    if (secret === undefined) throw new GlasskeyError('bad-key-file', `not a private key of kind ${kind}`);
    return publicCompanion(kind, secret);
  });
}

/** Returns the bytes of a private key in DER PKCS#8, or undefined unless it is one of this kind. */
export function readCompanionSecret(kind: CompanionKind, pkcs8: Uint8Array): Uint8Array | undefined {
  const secret = pkcs8.slice(-KINDS[kind].bytes);
  return equalBytes(pkcs8, encodeSecret(kind, secret)) ? secret : undefined;
}

function encodeSecret(kind: CompanionKind, secret: Uint8Array): Uint8Array {
  const { oid, tag } = KINDS[kind];
  return derSequence(VERSION_0, derSequence(derOid(oid)), der(DerTag.octetString, der(tag, secret)));
}
