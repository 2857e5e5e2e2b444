import { ensure } from '../core/errors.ts';
import type { KeyUsage } from './certificate-extensions.ts';
import { PurposeOid } from './der/oids.ts';
import type { KeyType } from './public-key.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What all leaf certificates of a kind have in common. */
export interface LeafProfile {
  readonly name: string;
  /** From notBefore to the end of notAfter's second. */
  readonly validityMs: number;
  /** How far notBefore lies before the time of issuing, for clients whose clock is behind. */
  readonly backdateMs: number;
  /** Purposes of the extended key usage extension, as object identifiers. */
  readonly purposes: readonly string[];
  /** Kinds of keys that are certified; undefined: every kind that is strong enough. */
  readonly keyTypes?: readonly KeyType[] | undefined;
  /** What certificates say besides. Default: nothing. */
  readonly extensions?: readonly ExtraExtension[] | undefined;
}

/** An extension with a constant value, which is not critical: no client would accept what it does not know. */
export interface ExtraExtension {
  /** Dotted; none that certificates have anyway. */
  readonly oid: string;
  /** DER, at most {@link MAX_EXTRA_EXTENSION} bytes. */
  readonly value: Uint8Array;
}

/** Most bytes of the value of an extra extension: each lookup of a name carries all of its certificates. */
export const MAX_EXTRA_EXTENSION = 512;
/** Most extra extensions of a profile. */
export const MAX_EXTRA_EXTENSIONS = 8;

/** The built-in profile: 90 days, back-dated by 5 minutes, for client authentication and mail. */
export const DEFAULT_PROFILE: LeafProfile = {
  name: 'default',
  validityMs: 90 * DAY_MS,
  backdateMs: HOUR_MS / 12,
  purposes: [PurposeOid.clientAuth, PurposeOid.emailProtection],
};

/** Profiles by name, to begin a configuration from. */
export const PROFILES = {
  default: DEFAULT_PROFILE,
  /** Devices of a messenger: keys that sign. */
  'e2ee-device': {
    ...DEFAULT_PROFILE,
    name: 'e2ee-device',
    purposes: [PurposeOid.clientAuth, PurposeOid.imUri],
    keyTypes: ['ed25519', 'p256'],
  },
  /** Mail: a year, and keys to which mail can be encrypted. */
  's-mime': {
    ...DEFAULT_PROFILE,
    name: 's-mime',
    validityMs: 365 * DAY_MS,
    purposes: [PurposeOid.emailProtection],
    keyTypes: ['p256', 'p384', 'rsa'],
  },
  /** Clients of TLS servers that ask for a certificate. */
  'tls-client': { ...DEFAULT_PROFILE, name: 'tls-client', purposes: [PurposeOid.clientAuth] },
  /** Members of MLS groups (RFC 9420 §5.3): keys of its cipher suites' signature schemes. */
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
 * The keyUsage of a leaf. Every key signs; an RSA key may also encrypt keys to its owner and a P-256 or P-384 key agree
 * on them (RFC 3279 §2.3.1, RFC 5480 §3), which S/MIME needs; an Ed25519 key can do neither (RFC 8410 §5).
 */
export function leafKeyUsage(keyType: KeyType): readonly KeyUsage[] {
  if (keyType === 'rsa') return ['digitalSignature', 'keyEncipherment'];
  if (keyType === 'ed25519') return ['digitalSignature'];
  return ['digitalSignature', 'keyAgreement'];
}

/** A period of validity: both ends are whole seconds, both are inside. Milliseconds since the epoch. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * The validity of a leaf issued at `nowMs`, never outside its issuer's. Throws `certificate-expired` where the issuer is
 * not valid now.
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

/** The validity that starts in the second of `startMs` and lasts `lengthMs`, its last second included. */
export function validityFrom(startMs: number, lengthMs: number): Validity {
  const notBeforeMs = Math.floor(startMs / 1000) * 1000;
  return { notBeforeMs, notAfterMs: notBeforeMs + Math.floor(lengthMs / 1000) * 1000 - 1000 };
}
