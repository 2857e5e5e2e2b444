import { formatHex } from '../../core/encoding/bytes.ts';
import { searchRequestCodec, searchResponseCodec } from '../../core/keytrans/messages.ts';
import { type VerifiedSearch, verifySearch } from '../../core/keytrans/verify-search.ts';
import { PATHS } from '../../contract/paths.ts';
import type { Identity } from '../../identity/identity.ts';
import {
  type BindingChange,
  type BoundCertificate,
  type Provenance,
  verifyRecordCertificates,
} from '../binding/binding.ts';
import { alertsAbout, changeAlerts, mergeAlerts } from '../binding/alerts.ts';
import { FIRST_LOOK_VERSIONS } from '../binding/first-look.ts';
import type { Alert, ClientState, MonitoredVersion, StateChange } from '../state/client-state.ts';
import { monitorSearched } from '../binding/monitored-versions.ts';
import { lookFirst } from '../binding/verify-binding.ts';
import { ServerRefusal } from '../transport.ts';
import { headTime, type Operation } from './operation.ts';
import { assertVersionMayHaveExpired } from './refute-expiry.ts';

/** A version of an identity in the log. It does not say whether later versions replace it. */
export interface VerifiedVersion extends Provenance {
  /** Canonical. */
  readonly identity: string;
  readonly version: number;
  /** The version's commitment in the log, 32 bytes. */
  readonly commitment: Uint8Array;
  /** Certificates that are valid now. */
  readonly certificates: readonly BoundCertificate[];
  readonly expired: readonly BoundCertificate[];
  /**
   * Who made the version and, for a contact that is new to this client, those before it: `first-seen`, or `unexplained`
   * if one of them breaks a rule.
   */
  readonly change: BindingChange;
  readonly treeSize: number;
  /** Root of the KEYTRANS log tree at `treeSize`, lower-case hex. */
  readonly logRoot: string;
  /** Versions of the identity that still have to be monitored (KT §8.2). */
  readonly monitored: readonly MonitoredVersion[];
  /** Alerts about the identity that the user has not acknowledged yet. */
  readonly alerts: readonly Alert[];
}

/**
 * Looks up one version of an identity (KT §7) and judges who made it. Holds an identity that is new to this client to
 * this version from then on, after a first look at the versions before it. Throws `search-not-found` or
 * `version-expired` if the server refuses, `version-rolled-back` if this client's own record refutes that, and
 * verification errors.
 */
export async function lookupVersion(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  version: number,
): Promise<StateChange<VerifiedVersion>> {
  const { trust, transport } = operation;
  const nowMs = operation.now();
  const known = state.contacts.get(identity.text);
  const search = await searchVersion(operation, state, identity, version);
  const input = { transport, trust, identity, search, now: operation.now, headTimeMs: headTime(operation) };
  const { link, change, latest } = await lookFirst(input, known === undefined ? FIRST_LOOK_VERSIONS : 1);
  const { current, expired } = await verifyRecordCertificates(latest.record, identity, trust, nowMs);
  const monitoring = monitorSearched(known, search);
  const { commitment, value } = search;
  const held = known ?? { version, commitment, value, monitoredAtMs: undefined };
  const contacts = new Map(state.contacts).set(identity.text, { ...held, ...monitoring });
  const isNew = known === undefined && !state.owners.has(identity.text);
  const alerts = isNew ? changeAlerts({ identity, change, version, value, nowMs }) : [];
  const next = { ...state, view: search.view, contacts, alerts: mergeAlerts(state.alerts, alerts) };
  const result: VerifiedVersion = {
    identity: identity.text,
    version,
    commitment,
    certificates: current,
    expired,
    link,
    claimed: latest.record.authorization,
    change,
    treeSize: search.view.size,
    logRoot: formatHex(search.logRoot),
    monitored: monitoring.monitored,
    alerts: alertsAbout(next, identity.text),
  };
  return { next, result };
}

/** Searches the log for one version (KT §7). Throws as {@link lookupVersion} does. */
export async function searchVersion(
  operation: Operation,
  state: ClientState,
  { label, text }: Identity,
  version: number,
): Promise<VerifiedSearch> {
  const { config } = operation.trust;
  const request = { last: state.view?.size, label, version };
  const codec = searchResponseCodec(config, request);
  try {
    const answer = await operation.transport.postKeytrans(PATHS.search, [searchRequestCodec, request], codec);
    return verifySearch({ config, view: state.view, nowMs: headTime(operation) }, request, answer);
  } catch (error) {
    if (!(error instanceof ServerRefusal) || error.code !== 'version-expired') throw error;
    await assertVersionMayHaveExpired(operation, state, state.contacts.get(text), version, error);
    throw error;
  }
}
