import { parseCertificate } from '../../ca/certificate.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { visibleText } from '../../delivery/notice.ts';
import type { Authorization } from '../../identity/authorization.ts';
import type { HeldVersion } from '../../identity/continuity.ts';
import type { Evidence } from '../../identity/evidence.ts';
import type { IdentityRecord } from '../../identity/identity-record.ts';

/** The difference that a version makes, for people and programs. */
export interface VersionWords {
  readonly version: number;
  /** SHA-256 of each key, with its companion keys, in hexadecimal. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** One word for programs, such as `key` or `recovery-requested`. */
  readonly by: string;
  /** The name's own key that signed, if one did. */
  readonly signer: string | undefined;
  /** The same for people, as the end of "Authorised by …". */
  readonly who: string;
  /** The key that a pending recovery would put in place of all others. */
  readonly pending: string | undefined;
}

const MAX_REASON = 300;

/** Puts a version into words. `previous` is the one before it; undefined before the first, or if it is gone. */
export function versionWords(previous: HeldVersion | undefined, { version, record }: HeldVersion): VersionWords {
  const [before, after] = [previous === undefined ? [] : keysOf(previous.record), keysOf(record)];
  const { authorization, pending } = record;
  return {
    version,
    added: after.filter((key) => !before.includes(key)),
    removed: before.filter((key) => !after.includes(key)),
    by: byWord(authorization),
    signer: authorization.type === 'key' ? formatHex(authorization.signer) : undefined,
    who: whoWords(authorization),
    pending: pending && formatHex(pending.spkiSha256),
  };
}

function keysOf({ certificates }: IdentityRecord): string[] {
  return [...new Set(certificates.map((der) => formatHex(parseCertificate(der).keysSha256)))];
}

function byWord(authorization: Authorization): string {
  if (authorization.type === 'maintenance') return authorization.kind;
  return authorization.type === 'recovery' ? `recovery-${authorization.phase}` : authorization.type;
}

function whoWords(authorization: Authorization): string {
  switch (authorization.type) {
    case 'initial':
      return `the registration, proved by ${evidenceWords(authorization.evidence)}`;
    case 'key':
      return `one of your own keys, ${formatHex(authorization.signer)}`;
    case 'maintenance':
      return MAINTENANCE[authorization.kind];
    case 'recovery':
      return authorization.phase === 'requested'
        ? 'somebody who proved this name in another way and asks to replace ALL of your keys'
        : 'a recovery that nobody vetoed in time';
    case 'operator':
      return `the operator, who says: ${visibleText(authorization.reason, MAX_REASON)}`;
  }
}

const MAINTENANCE = {
  renewal: 'the service, which renewed a certificate for a key that was there before',
  expiry: 'the service, which removed a certificate that had expired',
  revocation: 'the service, which revoked a certificate',
  erasure: 'the operator, who erased this name',
} as const;

function evidenceWords(evidence: Evidence): string {
  if (evidence.type === 'application') return 'the word of an application of this service';
  if (evidence.type === 'import') return 'the word of the administrator';
  return evidence.type === 'email'
    ? 'a code that was mailed to this address'
    : `signing in at ${visibleText(evidence.issuer, MAX_REASON)}`;
}
