import type { CompanionKeys } from '../../ca/companion-keys.ts';
import {
  COMPANION_KINDS,
  type CompanionKind,
  companionSecretBytes,
  formatCompanionSecret,
  publicCompanion,
  readCompanionSecret,
} from '../../ca/companion-secret.ts';
import { ensure } from '../../core/errors.ts';
import { withJson } from '../json-result.ts';
import { platformRandom } from '../platform.ts';
import { expandXWingSeed, X_WING_SEED_BYTES } from './x-wing-seed.ts';

/**
 * Private keys for encryption, whose public keys are certified beside a signing key. The names differ from those of
 * `CompanionKeys`, so that no private key is ever taken for a public one and published.
 */
export interface CompanionSecrets {
  /** An X25519 private key: 32 bytes (RFC 7748 §5). */
  readonly x25519Secret?: Uint8Array | undefined;
  /** The seed of an ML-KEM-768 key: 64 bytes, d and z (FIPS 203 §7.1). */
  readonly mlKem768Seed?: Uint8Array | undefined;
}

const FIELDS: Readonly<Record<CompanionKind, keyof CompanionSecrets>> = {
  x25519: 'x25519Secret',
  'ml-kem-768': 'mlKem768Seed',
};

/**
 * Makes companion keys of these kinds, and keeps those of `former` of other kinds. Both kinds together come from one
 * X-Wing seed, so that their public keys are an X-Wing key that any implementation could have made.
 */
export function makeCompanions(
  kinds: readonly CompanionKind[],
  former?: CompanionSecrets,
): CompanionSecrets | undefined {
  if (COMPANION_KINDS.every((kind) => kinds.includes(kind))) return expandXWingSeed(platformRandom(X_WING_SEED_BYTES));
  const made = kinds.map((kind) => [FIELDS[kind], platformRandom(companionSecretBytes(kind))] as const);
  return nonEmpty({ ...former, ...Object.fromEntries(made) });
}

/** Returns the public keys of a key's companion keys, as certificates hold them; undefined if it has none. */
export function companionKeysOf({
  companionSecrets,
}: {
  readonly companionSecrets?: CompanionSecrets | undefined;
}): CompanionKeys | undefined {
  const { x25519Secret, mlKem768Seed } = checkCompanions(companionSecrets) ?? {};
  if (x25519Secret === undefined && mlKem768Seed === undefined) return undefined;
  return withJson({
    x25519: x25519Secret && publicCompanion('x25519', x25519Secret),
    mlKem768: mlKem768Seed && publicCompanion('ml-kem-768', mlKem768Seed),
  });
}

/** Formats private keys as PEM PKCS#8, one block each. */
export function formatCompanions(secrets: CompanionSecrets | undefined): string {
  return COMPANION_KINDS.map((kind) => {
    const secret = secrets?.[FIELDS[kind]];
    return secret === undefined ? '' : formatCompanionSecret(kind, secret);
  }).join('');
}

/**
 * Reads private keys in DER PKCS#8 that {@link formatCompanions} wrote; `others` are those of no such kind. Throws
 * `bad-key-file` for two of one kind.
 */
export function readCompanionBlocks(blocks: readonly Uint8Array[]): {
  readonly companionSecrets: CompanionSecrets | undefined;
  readonly others: readonly Uint8Array[];
} {
  const found: { -readonly [Field in keyof CompanionSecrets]: CompanionSecrets[Field] } = {};
  const others = blocks.filter((pkcs8) => {
    const kind = COMPANION_KINDS.find((one) => readCompanionSecret(one, pkcs8) !== undefined);
    if (kind === undefined) return true;
    ensure(found[FIELDS[kind]] === undefined, 'bad-key-file', `two companion keys of kind ${kind}`);
    found[FIELDS[kind]] = readCompanionSecret(kind, pkcs8);
    return false;
  });
  return { companionSecrets: nonEmpty(found), others };
}

/** Returns a copy of private keys that somebody gives. Throws `bad-key-file` for one of a wrong length. */
export function checkCompanions(secrets: CompanionSecrets | undefined): CompanionSecrets | undefined {
  const pairs = COMPANION_KINDS.flatMap((kind) => {
    const secret = secrets?.[FIELDS[kind]];
    if (secret === undefined) return [];
    const bytes = companionSecretBytes(kind);
    ensure(secret.length === bytes, 'bad-key-file', `a companion key of kind ${kind} has ${bytes} bytes`);
    return [[FIELDS[kind], secret.slice()] as const];
  });
  return nonEmpty(Object.fromEntries(pairs));
}

function nonEmpty(secrets: CompanionSecrets): CompanionSecrets | undefined {
  return Object.keys(secrets).length === 0 ? undefined : secrets;
}
