import { parseCertificate, type ParsedCertificate } from '../../ca/certificate.ts';
import type { CompanionKeys } from '../../ca/companion-keys.ts';
import { verifyChain } from '../../ca/verify-chain.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { Authorization } from '../../identity/authorization.ts';
import { type ChainVerdict, type JudgedLink, worstVerdict } from '../../identity/chain.ts';
import type { Identity } from '../../identity/identity.ts';
import type { IdentityRecord, Pending } from '../../identity/identity-record.ts';
import { formatPem } from '../../ca/der/pem.ts';
import type { Alert, MonitoredVersion } from '../state/client-state.ts';
import type { Trust } from '../trust.ts';

/** A certificate of a verified record: it chains to the bundle's root, names the identity, and is in the log. */
export interface BoundCertificate {
  /** Lower-case hex. */
  readonly serial: string;
  readonly pem: string;
  readonly der: Uint8Array;
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly spkiSha256: string;
  readonly spki: Uint8Array;
  /** Keys for encryption that are certified with the key, and so bound to the identity as it is. */
  readonly companions: CompanionKeys | undefined;
  /** Names the key with its companion keys, see `certifiedKeysHash`. */
  readonly keysSha256: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** How an identity came to its keys since the client last looked. */
export interface BindingChange {
  /** The worst link of the chain; `first-seen` where nothing was held. Show `operator` and `unexplained` to the user. */
  readonly type: ChainVerdict;
  readonly links: readonly JudgedLink[];
  /** Why the chain is `unexplained`. */
  readonly reason: string | undefined;
}

/** An identity and its keys, as everybody else who looks sees them. */
export interface VerifiedBinding {
  /** Canonical. */
  readonly identity: string;
  readonly version: number;
  /** Those that are valid now. None: every certificate was revoked or has expired. */
  readonly certificates: readonly BoundCertificate[];
  /** Those that the record still holds and that have expired. */
  readonly expired: readonly BoundCertificate[];
  readonly change: BindingChange;
  /** What was noticed about the identity, now or earlier, and was not acknowledged yet: show it to the user. */
  readonly alerts: readonly Alert[];
  /** Who made the latest version. */
  readonly authorization: Authorization;
  /** A recovery that waits: somebody proved the identity anew, for another key. Show it to the user. */
  readonly pending: Pending | undefined;
  readonly treeSize: number;
  /** Root of the KEYTRANS log tree at `treeSize`, lower-case hex. */
  readonly logRoot: string;
  /** Versions that still have to be monitored, so that they cannot be taken back (KT §8.2). */
  readonly monitored: readonly MonitoredVersion[];
}

/** What happened over two looks, one after the other: nothing that the first one would have told is lost. */
export function joinChanges(first: BindingChange, second: BindingChange): BindingChange {
  return {
    type: worstVerdict([first.type], second.type),
    links: [...first.links, ...second.links],
    reason: first.reason ?? second.reason,
  };
}

/**
 * Verifies every certificate of a record that is in the log: each must chain to the bundle's roots through its issuers
 * and name this identity, or the whole record is refused. Throws `bad-certificate`, `untrusted-issuer`.
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
      // An expired certificate is judged at the end of its life, a young one (our clock may be slow) at its beginning.
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
 * Runs checks of a certificate that somebody else shows: whatever is wrong with it is then its maker's fault and not the
 * caller's, so that a key or name that would be a bad request elsewhere is `bad-certificate` here.
 */
export async function judgeCertificate<T>(check: () => T | Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (cause) {
    if (!isGlasskeyError(cause) || cause.fault === 'verification') throw cause;
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
