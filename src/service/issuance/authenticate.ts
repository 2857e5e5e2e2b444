import { createHash } from 'node:crypto';
import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { Evidence } from '../../identity/evidence.ts';
import type { Identity } from '../../identity/identity.ts';
import { assertMayVouch, type VouchedPurpose } from '../evidence/policy-table.ts';
import { verifyRegistrationGrant } from '../log/registration-grants.ts';
import { verifyToken } from '../log/tokens.ts';
import type { NextPlace } from '../../store/ports.ts';
import type { EvidenceServices } from '../evidence/evidence-services.ts';
import type { Issuance, Pipeline } from './issuance.ts';
import type { CertificateOrder, OwnEvidence } from './requests.ts';

const APPLICATION: Evidence = { type: 'application' };

/**
 * The requester, as known before the record is read. Either evidence vouches for it; or it brings a change that claims
 * a signature by a key of the record; or it only holds the CSR's key.
 */
export type Requester = Vouched | { readonly type: 'change' } | { readonly type: 'key-holder' };

/** A requester for whom evidence vouches. */
export interface Vouched {
  readonly type: 'vouched';
  readonly evidence: Evidence;
  /** The requester, for the trail, where the request alone does not say it: `token:N`, by a grant of that token. */
  readonly who?: string | undefined;
  /** Ties evidence that counts once to the version it is used for. Throws `code-refused` if it was used for another. */
  readonly use?: ((place: NextPlace) => Promise<void>) | undefined;
}

/** The parts of a request that show who makes it. Untrusted. */
export type Credentials = Pick<CertificateOrder, 'token' | 'change' | 'evidence'>;

/** The claim that evidence has to prove. */
export interface Claimed {
  readonly identity: Identity;
  readonly labelKey: Uint8Array;
  /** SHA-256 of the SPKI in the CSR. */
  readonly spkiSha256: Uint8Array;
}

/**
 * Step `authenticateApplication`: returns the number of the request's token. A token that is there must be valid, even
 * if a change makes it unnecessary. Throws `unauthenticated`.
 */
export async function authenticateApplication(
  { context, tokens }: Pick<Pipeline, 'context' | 'tokens'>,
  { token }: Pick<Credentials, 'token'>,
): Promise<number | undefined> {
  // Concurrent requests share one read of the store. Nothing is cached, so a revoked token is refused at once.
  const info = token === undefined ? undefined : await tokens.share(token, () => verifyToken(context, token));
  return info?.id;
}

/**
 * Step `authenticate`, after {@link authenticateApplication}: verifies evidence, and that it may vouch for this
 * identity. It does not read the log, so that its answer does not reveal whether the name is registered. Throws
 * `forbidden`, and what the kind of evidence throws.
 */
export async function authenticate(
  { context, settings: { evidence: services } }: Pick<Issuance, 'context' | 'settings'>,
  { token, change, evidence }: Credentials,
  claimed: Claimed,
  purpose: VouchedPurpose = 'register',
): Promise<Requester> {
  if (change !== undefined) return { type: 'change' };
  if (token === undefined && evidence === undefined) return { type: 'key-holder' };
  if (evidence?.type === 'grant') {
    ensure(purpose === 'register', 'forbidden', 'a registration grant does not recover a name');
    const { label } = claimed.identity;
    const granted = await verifyRegistrationGrant(context, evidence.grant, { label, spkiSha256: claimed.spkiSha256 });
    assertMayVouch(services.policyTable, granted.evidence, claimed.identity, purpose);
    return {
      type: 'vouched',
      evidence: granted.evidence,
      who: granted.evidence.type === 'email' ? 'email' : `token:${granted.by}`,
    };
  }
  const found = evidence === undefined ? APPLICATION : await verifyEvidence(services, evidence, claimed);
  assertMayVouch(services.policyTable, found, claimed.identity, purpose);
  if (evidence?.type !== 'email') return { type: 'vouched', evidence: found };
  return { type: 'vouched', evidence: found, use: async (place) => services.emailChallenges?.use(evidence, place) };
}

/** Returns the trail's name of the requester (see `Act.who`), from its credentials and the number of its token. */
export function whoOf({ change, evidence }: Partial<Credentials>, token: number | undefined): string {
  if (change !== undefined) return 'owner';
  if (evidence !== undefined) return evidence.type;
  return token === undefined ? 'holder' : `token:${token}`;
}

function verifyEvidence(
  { oidc, emailChallenges }: EvidenceServices,
  evidence: Exclude<OwnEvidence, { readonly type: 'grant' }>,
  claimed: Claimed,
): Promise<Evidence> {
  if (evidence.type === 'oidc') return oidc.verify(evidence.token, claimed);
  ensure(emailChallenges !== undefined, 'forbidden', 'this server does not verify identities by e-mail');
  return emailChallenges.verify(evidence, claimed);
}

/** Returns a singleflight key: only requests with the same credentials share a run. */
export function credentialsKey({ token, change, evidence }: Credentials): string {
  if (change !== undefined) return 'change';
  if (evidence === undefined) return token === undefined ? 'key-holder' : 'application';
  const parts = partsOf(evidence);
  return `${evidence.type} ${createHash('sha256').update(JSON.stringify(parts)).digest('hex')}`;
}

function partsOf(evidence: OwnEvidence): readonly string[] {
  if (evidence.type === 'oidc') return [evidence.token];
  return evidence.type === 'grant' ? [evidence.grant] : [formatHex(evidence.challengeId), evidence.code];
}
