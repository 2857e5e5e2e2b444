import { equalBytes } from '../../core/encoding/bytes.ts';
import { GlasskeyError } from '../../core/errors.ts';
import type { BoundCertificate, VerifiedBinding } from '../binding/binding.ts';
import type { LookupOutcome } from '../operations/lookup-many.ts';
import type { Alert } from '../state/client-state.ts';
import type { ReadCredential } from './member-credential.ts';

/** A credential whose certificate the current record of its identity holds. */
export interface AcceptedCredential {
  readonly type: 'accepted';
  readonly identity: string;
  readonly serial: string;
  /** The version of the record that holds the certificate. */
  readonly version: number;
  readonly certificate: BoundCertificate;
}

/** A credential that is refused. */
export interface RefusedCredential {
  /**
   * - `departed`: the log does not hold this certificate for this key: revoked, rotated out, expired, or never logged.
   *   Remove its member.
   * - `doubted`: the record holds it, but an alert about the identity is open, or the log misbehaved. Ask the user.
   * - `unchecked`: the log could not be asked. Try again.
   */
  readonly type: 'departed' | 'doubted' | 'unchecked';
  /** Canonical. Undefined if the credential names none, or cannot be read. */
  readonly identity: string | undefined;
  readonly serial: string | undefined;
  /** The reason. It has a `code` unless the program itself failed. */
  readonly error: unknown;
}

/** The judgement of one credential. */
export type CredentialJudgement = AcceptedCredential | RefusedCredential;

/** Alerts that refuse a credential until the user has acknowledged them, and the code of the refusal. */
const REFUSING = {
  operator: 'bad-chain',
  unexplained: 'bad-chain',
  'unexpected-version': 'unexpected-version',
  recovery: undefined,
} as const satisfies Record<Alert['type'], unknown>;

/** Judges a credential by the verified answer about its identity. */
export function judgeByLookup(member: ReadCredential, { result, error }: LookupOutcome): CredentialJudgement {
  const { identity, serial } = member;
  if (result === undefined) {
    const isLie = error instanceof GlasskeyError && error.fault === 'verification';
    return { type: isLie ? 'doubted' : 'unchecked', identity, serial, error };
  }
  if (!result.found) return departed(member, `${identity} is proved not to exist in the log`);
  const { binding } = result;
  const certificate = heldIn(binding.certificates, member);
  if (certificate === undefined) {
    if (heldIn(binding.expired, member) !== undefined) {
      const error = new GlasskeyError('certificate-expired', `the certificate of ${identity} has expired`);
      return { type: 'departed', identity, serial, error };
    }
    return departed(member, `version ${binding.version} of ${identity} does not hold certificate ${serial}`);
  }
  const refusal = refusalByAlerts(binding);
  if (refusal !== undefined) return { type: 'doubted', identity, serial, error: refusal };
  return { type: 'accepted', identity, serial, version: binding.version, certificate };
}

function departed({ identity, serial }: ReadCredential, message: string): RefusedCredential {
  return { type: 'departed', identity, serial, error: new GlasskeyError('certificate-not-in-record', message) };
}

function heldIn(certificates: readonly BoundCertificate[], { der }: ReadCredential): BoundCertificate | undefined {
  return certificates.find((one) => equalBytes(one.der, der));
}

function refusalByAlerts({ alerts }: VerifiedBinding): GlasskeyError | undefined {
  for (const { type, reason } of alerts) {
    const code = REFUSING[type];
    if (code !== undefined) return new GlasskeyError(code, `${reason}. Show it to the user, who can acknowledge it`);
  }
  return undefined;
}
