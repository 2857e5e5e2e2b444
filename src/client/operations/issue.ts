import { csrKeys } from '../../ca/csr/csr-keys.ts';
import { parsePem } from '../../ca/der/pem.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { RequestEvidence } from '../../contract/bodies.ts';
import { parseCertificateAnswer } from '../../contract/parse-answers.ts';
import { formatCertificateRequest } from '../../contract/parse-requests.ts';
import { PATHS } from '../../contract/paths.ts';
import type { SignedChange } from '../../identity/change-request.ts';
import type { Identity } from '../../identity/identity.ts';
import type { ClientKey } from '../client-key.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import { assertIssued, describeIssued, type IssuedCertificate } from '../binding/issued-certificate.ts';
import type { CheckedBinding } from '../binding/verify-binding.ts';
import { findIdentity, withAlerts } from './lookup.ts';
import type { Operation } from './operation.ts';
import { noteMade } from './owned-versions.ts';
import { changeSignedBy, type IsMade, requestedFor } from './own-doing.ts';
import { acceptChange, ownerKnowledge, prepareOwner } from './own-answer.ts';
import { assertOwnRecord, type RecordKey, recordCertificates, signKeys } from './own-record.ts';

/** Evidence for a first registration or a recovery. */
export type Voucher =
  | { readonly type: 'application-token'; readonly token: string }
  | Exclude<RequestEvidence, { readonly type: 'application-token' | 'key' }>;

/** A change of the keys of an identity. */
export interface KeyChange {
  /**
   * Returns a PEM request for a certificate of the arriving key, with its companion keys. `found` is the current
   * record, if there is one.
   */
  readonly request: (found: CheckedBinding | undefined) => string;
  /** A key of the record; it signs the change. */
  readonly credentials: ClientKey;
  /** Selects the keys of the record that stay when `arriving` comes. */
  readonly remaining: (keys: readonly RecordKey[], arriving: RecordKey) => readonly RecordKey[];
}

/** Requests a certificate without a signed change: a first registration, or a renewal of the same key. */
export function requestCertificate(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  order: { readonly csr: string; readonly voucher?: Voucher | undefined; readonly owns: boolean },
): Promise<StateChange<IssuedCertificate>> {
  const isMade = requestedFor(csrKeys(order.csr).keysSha256);
  return issue(operation, state, identity, { ...order, isMade }, undefined);
}

/**
 * Requests a certificate with a change of the set of keys, signed by `credentials`. If the record certifies these keys
 * already, the change was made before: returns its certificate.
 */
export async function changeKeys(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  change: KeyChange,
): Promise<StateChange<IssuedCertificate>> {
  const { credentials, remaining } = change;
  const isMade = changeSignedBy(operation, identity, credentials.spki);
  const { next: looked, found } = await findIdentity(operation, state, identity, isMade);
  const csr = change.request(found);
  const arriving = csrKeys(csr);
  const made = found && (await alreadyMade(operation, found, change, arriving));
  if (found !== undefined && made !== undefined) {
    const next = await noteMade(looked, identity, found, isMade);
    const { binding } = withAlerts(found, next, identity);
    return { next, result: { ...made, binding } };
  }
  const current = assertOwnRecord(found, identity, credentials);
  const after = [...remaining(recordCertificates(current), arriving), arriving].map((one) => one.keysSha256);
  const signed = await signKeys(operation, identity, current, after, credentials);
  const order = { csr, change: signed, owns: true, isMade };
  return issue(operation, looked, identity, order, current);
}

/** Returns the certificate of a change that was made before; undefined if the change would alter the keys. */
async function alreadyMade(
  { trust }: Operation,
  found: CheckedBinding,
  { remaining }: KeyChange,
  arriving: RecordKey,
): Promise<IssuedCertificate | undefined> {
  const keys = recordCertificates(found);
  const made = found.binding.certificates.findLast((one) => equalBytes(one.keysSha256, arriving.keysSha256));
  if (made === undefined || remaining(keys, arriving).length !== keys.length) return undefined;
  return describeIssued(trust, made, found.binding);
}

/** Requests a certificate for the key of `csr`. `before` is the record that a change was signed for. */
async function issue(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  order: {
    readonly csr: string;
    readonly voucher?: Voucher | undefined;
    readonly change?: SignedChange;
    /** True if the key of the CSR is this client's; an application registers the keys of others. */
    readonly owns: boolean;
    readonly isMade: IsMade;
  },
  before: CheckedBinding | undefined,
): Promise<StateChange<IssuedCertificate>> {
  const { csr, voucher, change, owns, isMade } = order;
  const token = voucher?.type === 'application-token' ? voucher.token : undefined;
  const evidence = requestEvidence(voucher);
  const prepared = owns ? await prepareOwner(operation, state, identity) : { next: state, course: undefined };
  const last = prepared.next.view?.size;
  const owner = ownerKnowledge(prepared);
  const body = formatCertificateRequest({ identity: identity.text, csr, evidence, change, last, owner });
  const answer = parseCertificateAnswer(await operation.transport.postJson(PATHS.certificates, body, token));
  const { checked, next } = await acceptChange(operation, prepared, identity, answer, { before, isMade, owns });
  const issued = parsePem('CERTIFICATE', answer.certificate);
  const certificate = assertIssued(checked.binding, csrKeys(csr).keysSha256, issued);
  const result = await describeIssued(operation.trust, certificate, checked.binding);
  return { next, result };
}

/** Returns the evidence of the request body; an application token travels in a header instead. */
export function requestEvidence(voucher: Voucher | undefined): RequestEvidence {
  if (voucher === undefined) return { type: 'key' };
  return voucher.type === 'application-token' ? { type: voucher.type } : voucher;
}
