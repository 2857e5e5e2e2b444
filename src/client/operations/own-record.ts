import { parseCertificate, type ParsedCertificate } from '../../ca/certificate.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { searchResponseCodec } from '../../core/keytrans/messages.ts';
import { verifySearch } from '../../core/keytrans/verify-search.ts';
import type { SignedChange } from '../../identity/change-request.ts';
import type { Identity } from '../../identity/identity.ts';
import type { ClientKey } from '../client-key.ts';
import type { ClientState } from '../state/client-state.ts';
import { signChange } from '../signed-change.ts';
import type { CheckedBinding } from '../binding/verify-binding.ts';
import { acceptSearch, type Checked } from './lookup.ts';
import { headTime, type Operation } from './operation.ts';

/** A key of a record; `keysSha256` names it together with its companion keys. */
export type RecordKey = Pick<ParsedCertificate, 'spki' | 'keysSha256'>;

/** Returns the certificates of a record. */
export function recordCertificates({ latest }: CheckedBinding): readonly ParsedCertificate[] {
  return latest.record.certificates.map((der) => parseCertificate(der));
}

/** Returns the record if `credentials` may change it. Throws `identity-not-found`, `change-rejected`. */
export function assertOwnRecord(
  found: CheckedBinding | undefined,
  identity: Identity,
  credentials: ClientKey,
): CheckedBinding {
  if (found === undefined) throw new GlasskeyError('identity-not-found', `${identity.text} is not registered`);
  const all = [...found.binding.certificates, ...found.binding.expired];
  const own = all.some((certificate) => equalBytes(certificate.spki, credentials.spki));
  ensure(own, 'change-rejected', 'the record does not certify the key that would sign the change');
  return found;
}

/** Signs, by `key`, a change of `current` that leaves the keys that `keysAfter` names. */
export function signKeys(
  { trust }: Operation,
  identity: Identity,
  current: CheckedBinding,
  keysAfter: readonly Uint8Array[],
  key: ClientKey,
): Promise<SignedChange> {
  const context = { origin: trust.bundle.origin, label: identity.label, previous: current.latest };
  return signChange(context, keysAfter, key);
}

/**
 * Verifies the proof in the answer to a request that changed a record: an answer to a search for its greatest version.
 */
export async function verifyAnswer(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  proof: Uint8Array,
): Promise<Checked> {
  const { config } = operation.trust;
  const request = { last: state.view?.size, label: identity.label, version: undefined };
  const response = decode(searchResponseCodec(config, request), proof);
  const search = verifySearch({ config, view: state.view, nowMs: headTime(operation) }, request, response);
  return acceptSearch(operation, state, identity, search);
}
