import { formatHex } from '../../core/encoding/bytes.ts';
import { searchRequestCodec, searchResponseCodec } from '../../core/keytrans/messages.ts';
import { verifySearch } from '../../core/keytrans/verify-search.ts';
import { PATHS } from '../../contract/paths.ts';
import type { Authorization } from '../../identity/authorization.ts';
import type { Identity } from '../../identity/identity.ts';
import { decodeIdentityRecord } from '../../identity/identity-record.ts';
import { type BoundCertificate, verifyRecordCertificates } from '../binding/binding.ts';
import { alertsAbout } from '../binding/alerts.ts';
import type { Alert, ClientState, MonitoredVersion, StateChange } from '../state/client-state.ts';
import { monitorSearched } from '../binding/monitored-versions.ts';
import { headTime, type Operation } from './operation.ts';

/** A version of an identity in the log. It does not say whether later versions replace it. */
export interface VerifiedVersion {
  /** Canonical. */
  readonly identity: string;
  readonly version: number;
  /** Certificates that are valid now. */
  readonly certificates: readonly BoundCertificate[];
  readonly expired: readonly BoundCertificate[];
  /** The authorisation of the version. */
  readonly authorization: Authorization;
  readonly treeSize: number;
  /** Root of the KEYTRANS log tree at `treeSize`, lower-case hex. */
  readonly logRoot: string;
  /** Versions of the identity that still have to be monitored (KT §8.2). */
  readonly monitored: readonly MonitoredVersion[];
  /** Alerts about the identity that the user has not acknowledged yet. */
  readonly alerts: readonly Alert[];
}

/**
 * Looks up one version of an identity (KT §7). Holds an identity that is new to this client to this version from then
 * on. Throws `search-not-found` or `version-expired` if the server refuses, and verification errors.
 */
export async function lookupVersion(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  version: number,
): Promise<StateChange<VerifiedVersion>> {
  const { config } = operation.trust;
  const nowMs = operation.now();
  const request = { last: state.view?.size, label: identity.label, version };
  const codec = searchResponseCodec(config, request);
  const answer = await operation.transport.postKeytrans(PATHS.search, [searchRequestCodec, request], codec);
  const search = verifySearch({ config, view: state.view, nowMs: headTime(operation) }, request, answer);
  const record = decodeIdentityRecord(search.value);
  const { current, expired } = await verifyRecordCertificates(record, identity, operation.trust, nowMs);
  const known = state.contacts.get(identity.text);
  const monitoring = monitorSearched(known, search);
  const held = known ?? { version, commitment: search.commitment, value: search.value, monitoredAtMs: undefined };
  const contacts = new Map(state.contacts).set(identity.text, { ...held, ...monitoring });
  const result: VerifiedVersion = {
    identity: identity.text,
    version,
    certificates: current,
    expired,
    authorization: record.authorization,
    treeSize: search.view.size,
    logRoot: formatHex(search.logRoot),
    monitored: monitoring.monitored,
    alerts: alertsAbout(state, identity.text),
  };
  return { next: { ...state, view: search.view, contacts }, result };
}
