import { parseCertificate, type ParsedCertificate } from '../../ca/certificate.ts';
import type { CompanionKeys } from '../../ca/companion-keys.ts';
import { verifyChain } from '../../ca/verify-chain.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { Authorization } from '../../identity/authorization.ts';
import { type ChainVerdict, worstVerdict } from '../../identity/chain.ts';
import type { JudgedLink, LinkType } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import type { IdentityRecord, Pending } from '../../identity/identity-record.ts';
import { formatPem } from '../../ca/der/pem.ts';
import type { Alert, MonitoredVersion } from '../state/client-state.ts';
import type { Trust } from '../trust.ts';
import type { FirstLook } from './first-look.ts';

/** A certificate of a verified record: it chains to the bundle's root, names the identity, and is in the log. */
export interface BoundCertificate {
  /** Lower-case hex. */
  readonly serial: string;
  readonly pem: string;
  readonly der: Uint8Array;
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly spkiSha256: string;
  readonly spki: Uint8Array;
  /** Encryption keys that are certified together with the key, and so bound to the identity. */
  readonly companions: CompanionKeys | undefined;
  /** Names the key and its companion keys; see `certifiedKeysHash`. */
  readonly keysSha256: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** The change of an identity's keys since the client last looked. */
export interface BindingChange {
  /**
   * The worst link of the chain; `first-seen` if the client held nothing. Show `operator` and `unexplained` to the
   * user.
   */
  readonly type: ChainVerdict;
  /** The author of each new version. Of a first look, show every `operator` and `recovery` to the user. */
  readonly links: readonly JudgedLink[];
  /** The reason why the chain is `unexplained`. */
  readonly reason: string | undefined;
  /** Undefined if the client held a version, or looked without the log. */
  readonly firstLook: FirstLook | undefined;
}

/** A version's author, as proved and as claimed. */
export interface Provenance {
  /**
   * Its proven author: the judged link of the chain. Undefined if this answer does not prove it, such as for a version
   * that the client held already; what made it a held version was judged then.
   */
  readonly link: LinkType | undefined;
  /** The record's own word. Without a `link` of its type it is only a claim. */
  readonly claimed: Authorization;
}

/** An identity and its keys, as everybody who looks it up sees them. */
export interface VerifiedBinding extends Provenance {
  /** Canonical. */
  readonly identity: string;
  readonly version: number;
  /** The version's commitment in the log, 32 bytes. It stands for the record and everything in it. */
  readonly commitment: Uint8Array;
  /** Certificates that are valid now. Empty if every certificate was revoked or has expired. */
  readonly certificates: readonly BoundCertificate[];
  /** Certificates that the record still holds and that have expired. */
  readonly expired: readonly BoundCertificate[];
  readonly change: BindingChange;
  /** Unacknowledged alerts about the identity, new and old. Show them to the user. */
  readonly alerts: readonly Alert[];
  /** A pending recovery: somebody proved the identity anew, for another key. Show it to the user. */
  readonly pending: Pending | undefined;
  readonly treeSize: number;
  /** Root of the KEYTRANS log tree at `treeSize`, lower-case hex. */
  readonly logRoot: string;
  /** Versions that remain to be monitored, so that the log cannot take them back unnoticed (KT §8.2). */
  readonly monitored: readonly MonitoredVersion[];
}

/** Joins the changes of two consecutive lookups, so that nothing the first one found is lost. */
export function joinChanges(first: BindingChange, second: BindingChange): BindingChange {
  return {
    type: worstVerdict([first.type], second.type),
    links: [...first.links, ...second.links],
    reason: first.reason ?? second.reason,
    firstLook: first.firstLook ?? second.firstLook,
  };
}

/**
 * Verifies every certificate of a record in the log: each must chain to the bundle's roots through its issuers and name
 * this identity, or the whole record is refused. Throws `bad-certificate`, `untrusted-issuer`.
 */
export async function verifyRecordCertificates(
  record: IdentityRecord,
  identity: Identity,
  trust: Trust,
  nowMs: number,
): Promise<{ readonly current: readonly BoundCertificate[]; readonly expired: readonly BoundCertificate[] }> {
  const current: BoundCertificate[] = [];
  const expired: BoundCertificate[] = [];
  for (const der of record.certificates) {
    const certificate = await judgeCertificate(async () => {
      const parsed = parseCertificate(der);
      const { notBeforeMs, notAfterMs } = parsed;
      ensure(notBeforeMs <= nowMs + trust.config.maxAheadMs, 'bad-certificate', 'a certificate is from the future');
      // Judges an expired certificate at the end of its life, and a young one at its beginning: our clock may be slow.
      const atMs = Math.min(Math.max(nowMs, notBeforeMs), notAfterMs);
      await verifyChain({ certificate: der, intermediates: trust.issuers, roots: trust.roots, atMs });
      assertNames(parsed, identity);
      return parsed;
    });
    (certificate.notAfterMs < nowMs ? expired : current).push(describe(certificate));
  }
  return { current, expired };
}

/**
 * Runs checks of a certificate from somebody else. Any fault is its maker's and not the caller's, so a key or name that
 * is a bad request elsewhere is `bad-certificate` here. What the platform cannot verify stays `platform-unsupported`.
 */
export async function judgeCertificate<T>(check: () => T | Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (cause) {
    if (!isGlasskeyError(cause)) throw cause;
    if (cause.fault === 'verification' || cause.code === 'platform-unsupported') throw cause;
    throw new GlasskeyError('bad-certificate', `certificate: ${cause.message}`, { cause });
  }
}

/** Throws `bad-certificate` unless the certificate names this identity and no other. */
export function assertNames({ sans: san }: ParsedCertificate, identity: Identity): void {
  const names = [
    ...san.email.map((value) => `email:${value}`),
    ...san.smtpUtf8.map((value) => `email:${value}`),
    ...san.uri.map((value) => `uri:${value}`),
  ];
  const expected = `${identity.san.kind}:${identity.san.value}`;
  ensure(
    names.length === 1 && names[0] === expected && !san.other,
    'bad-certificate',
    `a certificate in the record does not name ${identity.text} alone`,
  );
}

function describe(certificate: ParsedCertificate): BoundCertificate {
  return {
    serial: certificate.serial,
    pem: formatPem('CERTIFICATE', certificate.der),
    der: certificate.der,
    spkiSha256: formatHex(certificate.spkiSha256),
    spki: certificate.spki,
    companions: certificate.companions,
    keysSha256: certificate.keysSha256,
    notBeforeMs: certificate.notBeforeMs,
    notAfterMs: certificate.notAfterMs,
  };
}
