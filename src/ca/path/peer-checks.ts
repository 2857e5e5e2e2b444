import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { ExtensionOid, PurposeOid } from '../der/oids.ts';
import type { GeneralName } from './general-name.ts';
import { isDomainName, matchesHost, parseIpAddress } from './host-name.ts';
import type { PathCertificate } from './path-certificate.ts';

/** The name that a certificate must be for. */
export interface PeerName {
  readonly kind: 'dns' | 'ip' | 'email';
  readonly value: string;
}

/**
 * Asserts that a certificate is for `peer` (RFC 9525 §6, RFC 5280 §4.2.1.6): by its alternative names, never by its
 * subject. Throws `bad-certificate`.
 */
export function assertPeer({ names }: PathCertificate, peer: PeerName): void {
  const isNamed = names.some((name) => isFor(name, peer));
  ensure(isNamed, 'bad-certificate', `the certificate is not for ${peer.kind} name ${JSON.stringify(peer.value)}`);
}

function isFor(name: GeneralName, { kind, value }: PeerName): boolean {
  if (kind === 'dns') return name.kind === 'dns' && isDomainName(value) && matchesHost(name.value, value);
  if (kind === 'email') return name.kind === 'email' && name.value === value;
  const address = parseIpAddress(value);
  return name.kind === 'ip' && address !== undefined && equalBytes(name.value, address);
}

/**
 * Checks the Web PKI's requirements on a TLS server's path beyond RFC 5280 (CA/Browser Forum Baseline Requirements
 * §7.1.2). The leaf has alternative names, critical only without a subject; its purposes, if any, include serverAuth by
 * name. Anchors have no purposes and name themselves by their key only. Common names are ignored. Throws
 * `bad-certificate`.
 */
export function assertServerPath(path: readonly PathCertificate[]): void {
  const [leaf] = path as [PathCertificate];
  const { subject, sansCritical, extendedKeyUsage } = leaf.contents;
  ensure(leaf.names.length > 0, 'bad-certificate', 'the server certificate has no alternative names');
  ensure(
    !sansCritical || subject.empty,
    'bad-certificate',
    'alternative names are critical although there is a subject',
  );
  const isForServers = extendedKeyUsage === undefined || isServerPurpose(extendedKeyUsage);
  ensure(isForServers, 'bad-certificate', 'the server certificate is for other purposes');
  ensure(!leaf.isCritical(ExtensionOid.extendedKeyUsage), 'bad-certificate', 'extendedKeyUsage is critical');
  assertServerAnchor(path.at(-1) as PathCertificate);
}

function assertServerAnchor({ contents, isSelfIssued, authorityIsNamed }: PathCertificate): void {
  if (!isSelfIssued) return;
  const { authorityKeyId, subjectKeyId, extendedKeyUsage } = contents;
  ensure(!authorityIsNamed, 'bad-certificate', 'the root names itself by issuer and serial number');
  const isOwn = authorityKeyId === undefined || equalBytes(authorityKeyId, subjectKeyId ?? new Uint8Array());
  ensure(isOwn, 'bad-certificate', "the root names another key as its issuer's");
  ensure(extendedKeyUsage === undefined, 'bad-certificate', 'the root has purposes');
}

function isServerPurpose(purposes: readonly string[]): boolean {
  return purposes.includes(PurposeOid.serverAuth) && !purposes.includes(PurposeOid.any);
}
