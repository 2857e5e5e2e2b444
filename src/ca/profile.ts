import { isMlDsaSet } from '../core/crypto/ml-dsa-sets.ts';
import { ensure } from '../core/errors.ts';
import type { KeyUsage } from './certificate-extensions.ts';
import { PurposeOid } from './der/oids.ts';
import type { KeyType } from './public-key.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The common properties of one kind of leaf certificate. */
export interface LeafProfile {
  readonly name: string;
  /** From notBefore to the end of notAfter's second. */
  readonly validityMs: number;
  /** The time by which notBefore precedes the issuing, for clients with slow clocks. */
  readonly backdateMs: number;
  /** Purposes of the extended key usage extension, as object identifiers. */
  readonly purposes: readonly string[];
  /** Accepted kinds of keys; undefined accepts every kind that is strong enough, but ML-DSA. */
  readonly keyTypes?: readonly KeyType[] | undefined;
  /** Additional extensions. Default: none. */
  readonly extensions?: readonly ExtraExtension[] | undefined;
}

/** Returns true if a profile accepts a kind of key. ML-DSA must be named: clients before it cannot read such keys. */
export function acceptsKeyType({ keyTypes }: Pick<LeafProfile, 'keyTypes'>, keyType: KeyType): boolean {
  return keyTypes === undefined ? !isMlDsaSet(keyType) : keyTypes.includes(keyType);
}

/** An extension with a constant value. It is not critical, because clients refuse unknown critical extensions. */
export interface ExtraExtension {
  /** Dotted; must not be an extension that certificates already have. */
  readonly oid: string;
  /** DER, at most {@link MAX_EXTRA_EXTENSION} bytes. */
  readonly value: Uint8Array;
}

/** Most bytes of an extra extension's value: each lookup of a name carries all its certificates. */
export const MAX_EXTRA_EXTENSION = 512;
/** Most extra extensions of a profile. */
export const MAX_EXTRA_EXTENSIONS = 8;

/**
 * The time by which signed times begin before they are signed, ms. The clock of whoever reads them may be slow by as
 * much; this library's path validator allows it for the lists and answers of other CAs, too.
 */
export const BACKDATE_MS = 300_000;

/** The built-in profile: 90 days, back-dated by 5 minutes, for client authentication and mail. */
export const DEFAULT_PROFILE: LeafProfile = {
  name: 'default',
  validityMs: 90 * DAY_MS,
  backdateMs: BACKDATE_MS,
  purposes: [PurposeOid.clientAuth, PurposeOid.emailProtection],
};

/** Built-in profiles by name, as a start for a configuration. */
export const PROFILES = {
  default: DEFAULT_PROFILE,
  /** Messenger devices: keys that sign. */
  'e2ee-device': {
    ...DEFAULT_PROFILE,
    name: 'e2ee-device',
    purposes: [PurposeOid.clientAuth, PurposeOid.imUri],
    keyTypes: ['ed25519', 'p256'],
  },
  /** Mail: valid for a year, with keys that mail can be encrypted to. */
  's-mime': {
    ...DEFAULT_PROFILE,
    name: 's-mime',
    validityMs: 365 * DAY_MS,
    purposes: [PurposeOid.emailProtection],
    keyTypes: ['p256', 'p384', 'rsa'],
  },
  /** TLS clients, for servers that ask for a certificate. */
  'tls-client': { ...DEFAULT_PROFILE, name: 'tls-client', purposes: [PurposeOid.clientAuth] },
  /** Members of MLS groups (RFC 9420 §5.3): keys for the signature schemes of its cipher suites. */
  mls: {
    ...DEFAULT_PROFILE,
    name: 'mls',
    purposes: [PurposeOid.imUri],
    keyTypes: ['ed25519', 'p256', 'p384'],
  },
} as const satisfies Record<string, LeafProfile>;

/** Name of a built-in profile. */
export type ProfileName = keyof typeof PROFILES;

/**
 * The keyUsage of a leaf. Every key signs. For S/MIME an RSA key may also encrypt keys, and a P-256 or P-384 key agree
 * on them (RFC 3279 §2.3.1, RFC 5480 §3). An Ed25519 or ML-DSA key can do neither (RFC 8410 §5, RFC 9881 §5).
 */
export function leafKeyUsage(keyType: KeyType): readonly KeyUsage[] {
  if (keyType === 'rsa') return ['digitalSignature', 'keyEncipherment'];
  if (keyType === 'ed25519' || isMlDsaSet(keyType)) return ['digitalSignature'];
  return ['digitalSignature', 'keyAgreement'];
}

/** A period of validity in ms since the epoch. Both ends are whole seconds and belong to it. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * Returns the validity of a leaf issued at `nowMs`, never outside its issuer's. Throws `certificate-expired` if the
 * issuer is not valid now.
 */
export function leafValidity(profile: LeafProfile, issuer: Validity, nowMs: number): Validity {
  const valid = nowMs >= issuer.notBeforeMs && nowMs <= issuer.notAfterMs;
  ensure(valid, 'certificate-expired', 'the issuing CA is not valid now');
  const wanted = validityFrom(nowMs - profile.backdateMs, profile.validityMs);
  return {
    notBeforeMs: Math.max(wanted.notBeforeMs, issuer.notBeforeMs),
    notAfterMs: Math.min(wanted.notAfterMs, issuer.notAfterMs),
  };
}

/** Returns the validity that starts in the second of `startMs` and lasts `lengthMs`, including its last second. */
export function validityFrom(startMs: number, lengthMs: number): Validity {
  const notBeforeMs = Math.floor(startMs / 1000) * 1000;
  return { notBeforeMs, notAfterMs: notBeforeMs + Math.floor(lengthMs / 1000) * 1000 - 1000 };
}
