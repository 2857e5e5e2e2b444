import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { x25519 } from '@noble/curves/ed25519.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { randomBytes } from '@noble/post-quantum/utils.js';
import type { CompanionKeys } from '../ca/companion-keys.ts';
import { DerTag } from '../ca/der-reader.ts';
import { der, derOid, derSequence } from '../ca/der-writer.ts';
import { CompanionKeyOid } from '../ca/oids.ts';
import { formatPem, parsePem } from '../ca/pem.ts';
import { writeFileDurably } from '../client/node.ts';
import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { readInput } from './client-options.ts';

/** Kinds of companion keys, as the command line names them. */
export const COMPANION_KINDS = ['x25519', 'ml-kem-768'] as const;

/** One kind of companion key. */
export type CompanionKind = (typeof COMPANION_KINDS)[number];

interface Kind {
  readonly field: keyof CompanionKeys;
  readonly oid: string;
  readonly bytes: number;
  /** The tag of the private key inside PKCS#8: an OCTET STRING (RFC 8410 §7), or the seed (RFC 9935 §6). */
  readonly tag: number;
  readonly generate: () => Uint8Array;
  readonly publicKey: (secret: Uint8Array) => Uint8Array;
}

const KINDS: Readonly<Record<CompanionKind, Kind>> = {
  x25519: {
    field: 'x25519',
    oid: CompanionKeyOid.x25519,
    bytes: 32,
    tag: DerTag.octetString,
    generate: () => x25519.utils.randomSecretKey(),
    publicKey: (secret) => x25519.getPublicKey(secret),
  },
  'ml-kem-768': {
    field: 'mlKem768',
    oid: CompanionKeyOid.mlKem768,
    bytes: 64,
    tag: 0x80,
    generate: () => randomBytes(64),
    publicKey: (seed) => ml_kem768.keygen(seed).publicKey,
  },
};

const VERSION_0 = der(DerTag.integer, Uint8Array.of(0));

/**
 * The public halves of the companion keys whose private keys are in a folder (`companion-….pem`, PKCS#8, mode 0600); undefined for
 * none. Throws `bad-key-file`.
 */
export async function readCompanions(folder: string): Promise<CompanionKeys | undefined> {
  const found: { x25519?: Uint8Array; mlKem768?: Uint8Array } = {};
  for (const kind of COMPANION_KINDS) {
    const file = fileOf(folder, kind);
    if (existsSync(file))
      found[KINDS[kind].field] = KINDS[kind].publicKey(readSecret(file, kind, await readInput(file)));
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

/**
 * Like {@link readCompanions}, once the kinds that are asked for and not there are made: safely on disk before this returns, so
 * that a lost answer loses no key.
 */
export async function prepareCompanions(
  folder: string,
  kinds: readonly CompanionKind[],
): Promise<CompanionKeys | undefined> {
  for (const kind of kinds) {
    const file = fileOf(folder, kind);
    if (existsSync(file)) continue;
    const secret = KINDS[kind].generate();
    await writeFileDurably(file, formatPem('PRIVATE KEY', encodeSecret(kind, secret)));
  }
  return readCompanions(folder);
}

/** Whether companion keys have one of a kind. */
export function hasCompanion(companions: CompanionKeys | undefined, kind: CompanionKind): boolean {
  return companions?.[KINDS[kind].field] !== undefined;
}

function fileOf(folder: string, kind: CompanionKind): string {
  return join(folder, `companion-${kind}.pem`);
}

/** PKCS#8 (RFC 5958 §2). */
function encodeSecret(kind: CompanionKind, secret: Uint8Array): Uint8Array {
  const { oid, tag } = KINDS[kind];
  return derSequence(VERSION_0, derSequence(derOid(oid)), der(DerTag.octetString, der(tag, secret)));
}

function readSecret(file: string, kind: CompanionKind, pem: string): Uint8Array {
  const { bytes } = KINDS[kind];
  try {
    const pkcs8 = parsePem('PRIVATE KEY', pem);
    const secret = pkcs8.slice(-bytes);
    ensure(equalBytes(pkcs8, encodeSecret(kind, secret)), 'bad-key-file', 'not as it was written');
    return secret;
  } catch (cause) {
    if (!isGlasskeyError(cause)) throw cause;
    throw new GlasskeyError('bad-key-file', `${file} is not a private key of kind ${kind}`, { cause });
  }
}
