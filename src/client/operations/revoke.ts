import { parseCertificate, type ParsedCertificate } from '../../ca/certificate.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { RevocationReason } from '../../contract/bodies.ts';
import { parseRevocationAnswer } from '../../contract/parse-answers.ts';
import { formatRevocationRequest } from '../../contract/parse-requests.ts';
import { PATHS } from '../../contract/paths.ts';
import type { Identity } from '../../identity/identity.ts';
import type { VerifiedBinding } from '../binding/binding.ts';
import type { ClientKey } from '../client-key.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import type { IdentityRecord } from '../../identity/identity-record.ts';
import { findIdentity } from './lookup.ts';
import { type AskedChange, madeBefore } from './made-before.ts';
import type { Operation } from './operation.ts';
import { changeSignedBy, type IsMade } from './own-doing.ts';
import { acceptChange, ownerKnowledge, prepareOwner } from './own-answer.ts';
import { assertOwnRecord, signKeys } from './own-record.ts';

/** The certificates to revoke, and the reason. */
export interface RevokeOptions {
  /** Lower-case hex. Default: every certificate of the key that signs. */
  readonly serials?: readonly string[] | undefined;
  readonly reason?: RevocationReason | undefined;
}

/**
 * Revokes certificates of an identity, signed by one of its keys. The same call again, such as after a lost answer,
 * finds what was done. Throws `no-such-certificate`, and what a lookup throws.
 */
export async function revoke(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  credentials: ClientKey,
  options: RevokeOptions,
): Promise<StateChange<VerifiedBinding>> {
  const isMade = changeSignedBy(operation, identity, credentials.spki);
  const { next: before, found } = await findIdentity(operation, state, identity, isMade);
  const asked = askedRevocation(isMade, credentials, options.serials);
  const made = found && (await madeBefore(operation, before, identity, found, asked));
  if (made !== undefined) return made;
  const current = assertOwnRecord(found, identity, credentials);
  const all = [...current.binding.certificates, ...current.binding.expired];
  const serials =
    options.serials ?? all.filter((one) => equalBytes(one.spki, credentials.spki)).map((one) => one.serial);
  const isThere = serials.every((serial) => all.some((one) => one.serial === serial));
  ensure(isThere && serials.length > 0, 'no-such-certificate', 'the record holds no certificate of that serial');
  const remaining = all.filter((one) => !serials.includes(one.serial)).map((one) => one.keysSha256);
  const change = await signKeys(operation, identity, current, remaining, credentials);
  const prepared = await prepareOwner(operation, before, identity);
  const last = prepared.next.view?.size;
  const owner = ownerKnowledge(prepared);
  const reason = options.reason ?? 'unspecified';
  const body = formatRevocationRequest({ identity: identity.text, serials, reason, change, last, owner });
  const answer = parseRevocationAnswer(await operation.transport.postJson(PATHS.revocations, body));
  const changed = { before: current, isMade, owns: true };
  const { checked, next } = await acceptChange(operation, prepared, identity, answer, changed);
  const gone = checked.latest.record.certificates.map((der) => parseCertificate(der).serial);
  ensure(!serials.some((serial) => gone.includes(serial)), 'bad-response', 'a revoked certificate is still there');
  return { next, result: checked.binding };
}

function askedRevocation(isMade: IsMade, { spki }: ClientKey, serials: readonly string[] | undefined): AskedChange {
  const named = ({ certificates }: IdentityRecord): readonly ParsedCertificate[] =>
    certificates
      .map((der) => parseCertificate(der))
      .filter((one) => (serials === undefined ? equalBytes(one.spki, spki) : serials.includes(one.serial)));
  return {
    isMade,
    isDone: (record) => named(record).length === 0,
    isPossible: (record) => named(record).length > 0 && named(record).length >= (serials?.length ?? 0),
  };
}
