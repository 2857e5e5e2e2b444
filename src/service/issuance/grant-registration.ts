import { ensure } from '../../core/errors.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import { assertMayVouch } from '../evidence/policy-table.ts';
import { makeRegistrationGrant, type RegistrationGrant } from '../log/registration-grants.ts';
import { authenticateApplication } from './authenticate.ts';
import type { Issuance } from './issuance.ts';

/** A wish to let a device register a name, as it came in. Everything in it is untrusted. */
export interface GrantOrder {
  /** The identity as typed. */
  readonly identity: string;
  readonly token: string | undefined;
  /** SHA-256 of the SPKI of the only key that may be registered; undefined: any key. */
  readonly spkiSha256: Uint8Array | undefined;
  /** Undefined: the default. */
  readonly lifetimeMs: number | undefined;
}

/**
 * Grants the registration of one name to whoever holds the grant. It reads nothing of the log, so that the answer does
 * not reveal if the name is registered. Throws `unauthenticated`, `invalid-identity`, and `forbidden` if applications
 * may not vouch for the identity.
 */
export async function grantRegistration(issuance: Issuance, order: GrantOrder): Promise<RegistrationGrant> {
  const { context, settings } = issuance;
  const { token, spkiSha256, lifetimeMs } = order;
  ensure(token !== undefined, 'unauthenticated', 'only an application with its token grants registrations');
  await authenticateApplication(issuance, { token });
  const identity = canonicalIdentity(order.identity, context.identityRules);
  assertMayVouch(settings.evidence.policyTable, { type: 'application' }, identity, 'register');
  return makeRegistrationGrant(context, { label: identity.label, token, spkiSha256, lifetimeMs });
}
