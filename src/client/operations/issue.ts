import { csrSpki } from '../../ca/csr-spki.ts';
import { parsePem } from '../../ca/pem.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { parseCertificateAnswer } from '../../contract/parse-answers.ts';
import { formatCertificateRequest } from '../../contract/parse-requests.ts';
import { PATHS } from '../../contract/paths.ts';
import type { SignedChange } from '../../identity/change-request.ts';
import type { HeldVersion } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import type { ClientKey } from '../client-key.ts';
import type { ClientState, StateChange } from '../client-state.ts';
import { assertIssued, describeIssued, type IssuedCertificate } from '../issued-certificate.ts';
import type { CheckedBinding } from '../verify-binding.ts';
import { findIdentity } from './lookup.ts';
import type { Operation } from './operation.ts';
import { noteMade } from './owned-versions.ts';
import { assertOwnRecord, recordKeys, signKeys, verifyAnswer } from './own-record.ts';

/** A change of the keys of an identity. */
export interface KeyChange {
  /** PEM request for a certificate of {@link key}. */
  readonly csr: string;
  /** A key of the record: it signs the change. */
  readonly credentials: ClientKey;
  /** The key that comes. */
  readonly key: ClientKey;
  /** Tells which keys of the record stay. */
  readonly remaining: (spkis: readonly Uint8Array[]) => readonly Uint8Array[];
}

/** Requests a certificate without a change: first registration, or renewal of the same key. */
export function requestCertificate(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  order: { readonly csr: string; readonly token?: string | undefined; readonly owns: boolean },
): Promise<StateChange<IssuedCertificate>> {
  return issue(operation, state, identity, order, undefined);
}

/**
 * Requests a certificate for `key` with a change of the set of keys, signed by `credentials`. Where the record certifies
 * these keys already, the change was made before: its certificate is given.
 */
export async function changeKeys(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  change: KeyChange,
): Promise<StateChange<IssuedCertificate>> {
  const { csr, credentials, key, remaining } = change;
  const { next, found } = await findIdentity(operation, state, identity);
  const made = found && (await alreadyMade(operation, found, change));
  if (found !== undefined && made !== undefined) {
    const isOurs = signedBy(found.latest, credentials);
    return { next: isOurs ? await noteMade(next, identity, found) : next, result: made };
  }
  const current = assertOwnRecord(found, identity, credentials);
  const after = [...remaining(recordKeys(current)), key.spki];
  const signed = await signKeys(operation, identity, current, after, credentials);
  return issue(operation, next, identity, { csr, change: signed, owns: true }, current);
}

/** The outcome of a change that leaves the record with the keys that it has. */
async function alreadyMade(
  { trust }: Operation,
  found: CheckedBinding,
  { key, remaining }: KeyChange,
): Promise<IssuedCertificate | undefined> {
  const spkis = recordKeys(found);
  const made = found.binding.certificates.findLast((one) => equalBytes(one.spki, key.spki));
  if (made === undefined || remaining(spkis).length !== spkis.length) return undefined;
  return describeIssued(trust, made, found.binding);
}

/** Requests a certificate for the key of `csr`; `before` is what a change was signed for. */
async function issue(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  order: {
    readonly csr: string;
    readonly token?: string | undefined;
    readonly change?: SignedChange;
    /** Whether the key of the CSR is this client's: an application registers the keys of others. */
    readonly owns: boolean;
  },
  before: CheckedBinding | undefined,
): Promise<StateChange<IssuedCertificate>> {
  const { csr, token, change } = order;
  const evidence = { type: token === undefined ? ('key' as const) : ('application-token' as const) };
  const last = state.view?.size;
  const body = formatCertificateRequest({ identity: identity.text, csr, evidence, change, last });
  const answer = parseCertificateAnswer(await operation.transport.postJson(PATHS.certificates, body, token));
  const { checked, next } = await verifyAnswer(operation, state, identity, answer.proof, before);
  const issued = parsePem('CERTIFICATE', answer.certificate);
  const certificate = assertIssued(checked.binding, csrSpki(csr), issued);
  const result = await describeIssued(operation.trust, certificate, checked.binding);
  const isOwn = order.owns && isOwnDoing(checked.latest, change);
  return { next: isOwn ? await noteMade(next, identity, checked) : next, result };
}

/** Whether the version is what this request makes: what else happened meanwhile is for the owner's monitoring to tell. */
function isOwnDoing({ record }: HeldVersion, change: SignedChange | undefined): boolean {
  const { authorization, certificates } = record;
  if (change !== undefined)
    return authorization.type === 'key' && equalBytes(authorization.signature, change.signature);
  return authorization.type === 'maintenance' || (authorization.type === 'initial' && certificates.length === 1);
}

/** Whether the version was authorised by this key. */
function signedBy({ record: { authorization } }: HeldVersion, key: ClientKey): boolean {
  return authorization.type === 'key' && equalBytes(authorization.signer, sha256(key.spki));
}
