import { parseCertificate, type ParsedCertificate } from '../../ca/certificate.ts';
import { isRevocationReason } from '../../ca/crl-entries.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import { assertMayVouch } from '../evidence/policy-table.ts';
import { isCertificateOf } from '../log/stored-certificate.ts';
import type { LogService } from '../log-service.ts';
import type { AcmeAccount } from './acme-accounts.ts';
import { AcmeRefusal, ensureAcme } from './acme-refusal.ts';
import { certifiedIdentity, isWithinScope } from './order-identity.ts';
import type { KeyHolder } from './acme-service.ts';

/** The sender of a revocation, after its signature is verified: an account, or the holder of a key. */
export type RevocationSender = { readonly account: AcmeAccount } | KeyHolder;

/** A certificate to revoke. Untrusted. */
export interface RevocationWish {
  /** DER. */
  readonly certificate: Uint8Array;
  /** RFC 5280 reason code. */
  readonly reason: number;
  readonly requestId: string;
}

/**
 * Revokes a certificate of this log (RFC 8555 §7.6). An account needs an application that vouches for its name; the
 * holder of the certificate's key needs nothing else. The version says `maintenance: revocation`: the holder signed a
 * request of ACME, not a change. Throws `malformed`, `unauthorized`, `alreadyRevoked`, `badRevocationReason`, and what
 * the pipeline throws.
 */
export async function revokeByAcme(service: LogService, sender: RevocationSender, wish: RevocationWish): Promise<void> {
  const { store, identityRules, reloadable } = service.context;
  const { reason, requestId } = wish;
  ensureAcme(isRevocationReason(reason), 'badRevocationReason', 'the reason is not one that this server accepts');
  const certificate = read(wish.certificate);
  const recorded = await store.findCertificate(certificate.serial);
  const isRecorded = recorded !== undefined && isCertificateOf(recorded, wish.certificate);
  const identity = certifiedIdentity(certificate, identityRules);
  // Whoever writes the database could put another certificate in the place of a recorded one, and revoke that one.
  const isOurs = isRecorded && (await holds(() => reloadable.issuingCas.assertIssued(certificate)));
  ensureAcme(isOurs && identity !== undefined, 'unauthorized', 'not a certificate of this log');
  const who = await requester(service, sender, certificate, identity);
  ensureAcme(recorded.revokedMs === undefined, 'alreadyRevoked', 'the certificate is revoked already');
  const order = { identity: identity.text, serials: [certificate.serial], reason, last: undefined, requestId };
  await service.revokeFor(who, order);
}

/** Returns the trail's name of the sender, if it may revoke the certificate. Throws `unauthorized`. */
async function requester(
  { context }: LogService,
  sender: RevocationSender,
  certificate: ParsedCertificate,
  identity: Identity,
): Promise<string> {
  if ('key' in sender) {
    const isHolder = equalBytes(sender.key.spki, certificate.spki);
    ensureAcme(isHolder, 'unauthorized', 'the request is signed by another key than the certificate names');
    await sender.useNonce();
    return 'holder';
  }
  const { row, application } = sender.account;
  const isWithin = row.scope !== 'none' && isWithinScope(row.labelKey, await context.vrf.labelKey(identity.label));
  ensureAcme(isWithin, 'unauthorized', 'the account is not for this name: sign by the key of the certificate');
  assertMayVouch(context.reloadable.evidence.policyTable, { type: 'application' }, identity);
  return `token:${application}`;
}

async function holds(check: () => Promise<void>): Promise<boolean> {
  try {
    await check();
    return true;
  } catch (error) {
    if (isGlasskeyError(error, 'untrusted-issuer') || isGlasskeyError(error, 'bad-signature')) return false;
    throw error;
  }
}

function read(der: Uint8Array): ParsedCertificate {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    throw new AcmeRefusal('malformed', 'not a certificate');
  }
}
