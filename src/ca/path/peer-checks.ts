import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { GeneralName } from './general-name.ts';
import { isDomainName, isPresentedName, matchesHost, parseIpAddress } from './host-name.ts';
import type { PathCertificate } from './path-certificate.ts';

/** The names of the peer. The certificate must have every one that is given. */
export interface PeerNames {
  /** A domain name; a wildcard of the certificate may stand for its first label (RFC 9525 §6.3). */
  readonly host?: string | undefined;
  /** An IPv4 or IPv6 address as text. */
  readonly ip?: string | undefined;
  /** A mail address. The domain's case does not matter (RFC 5280 §7.5). */
  readonly email?: string | undefined;
  /** A URI, compared character by character. */
  readonly uri?: string | undefined;
}

/**
 * Asserts that a certificate has the peer's names (RFC 9525 §6, RFC 5280 §4.2.1.6): among its alternative names, never
 * in its subject. Throws `bad-certificate`.
 */
export function assertPeer({ names }: Pick<PathCertificate, 'names'>, peer: PeerNames): void {
  for (const kind of ['host', 'ip', 'email', 'uri'] as const) {
    const wanted = peer[kind];
    if (wanted === undefined) continue;
    const isNamed = names.some((name) => MATCHES[kind](name, wanted));
    ensure(isNamed, 'bad-certificate', `the certificate is not for ${kind} ${JSON.stringify(wanted)}`);
  }
}

const MATCHES: Readonly<Record<keyof PeerNames, (name: GeneralName, wanted: string) => boolean>> = {
  host: ({ kind, value }, wanted) =>
    kind === 'dns' && isPresentedName(value) && isDomainName(wanted) && matchesHost(value, wanted),
  ip: ({ kind, value }, wanted) => {
    const address = parseIpAddress(wanted);
    return kind === 'ip' && address !== undefined && equalBytes(value, address);
  },
  email: ({ kind, value }, wanted) => kind === 'email' && foldDomain(value) === foldDomain(wanted),
  uri: ({ kind, value }, wanted) => kind === 'uri' && value === wanted,
};

function foldDomain(mailbox: string): string {
  const at = mailbox.lastIndexOf('@') + 1;
  return mailbox.slice(0, at) + mailbox.slice(at).toLowerCase();
}
