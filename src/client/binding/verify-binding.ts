import { parseCertificate } from '../../ca/certificate.ts';
import { encodeCompanionKeys } from '../../ca/companion-keys.ts';
import { verifySpkiSignature } from '../../ca/verify-signature.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import type { VerifiedSearch } from '../../core/keytrans/verify-search.ts';
import { type ChainInput, checkChain } from '../../identity/chain.ts';
import type { HeldVersion } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import { decodeIdentityRecord, encodeIdentityRecord } from '../../identity/identity-record.ts';
import type { ContinuityPorts } from '../../identity/spki-set.ts';
import { changeAlerts, mergeAlerts } from './alerts.ts';
import { type VerifiedBinding, verifyRecordCertificates } from './binding.ts';
import type { Alert, KnownContact } from '../state/client-state.ts';
import { earlierVersions, fetchChain } from './fetch-chain.ts';
import { monitorSearched } from './monitored-versions.ts';
import { recoveryWaitedIn } from './recovery-waited.ts';
import type { Transport } from '../transport.ts';
import type { Trust } from '../trust.ts';

/** X.509 for the continuity checks, by this library's verifier. */
export const CONTINUITY_PORTS: ContinuityPorts = {
  certificateSpki: (certificate) => parseCertificate(certificate).spki,
  certificateCompanions: (certificate) => {
    const { companions } = parseCertificate(certificate);
    return companions && encodeCompanionKeys(companions);
  },
  verifySignature: verifySpkiSignature,
};

/** A version that the log was proved to hold. */
export type FoundVersion = Pick<
  VerifiedSearch,
  'version' | 'value' | 'opening' | 'commitment' | 'view' | 'logRoot' | 'monitor' | 'ladder'
>;

/** A verified search, and the context to check its record in. */
export interface BindingInput {
  readonly transport: Transport;
  readonly trust: Trust;
  readonly identity: Identity;
  readonly search: FoundVersion;
  /** The versions between the known and the found one, if they came with the answer. Default: fetched. */
  readonly between?: ChainInput['between'] | undefined;
  readonly known: KnownContact | undefined;
  /** Unacknowledged alerts about the identity. */
  readonly alerts: readonly Alert[];
  /** True if the identity is the user's own: it is then judged by what its owner did. */
  readonly isOwn: boolean;
  readonly nowMs: number;
  /** The time by which a tree head must be recent, ms. Default: {@link BindingInput.nowMs}. */
  readonly headTimeMs?: number | undefined;
}

/** A verified binding, and the contact to remember. */
export interface CheckedBinding {
  readonly binding: VerifiedBinding;
  readonly contact: KnownContact;
  /** The latest version, for signing a change that follows it. */
  readonly latest: HeldVersion;
}

/**
 * Checks a proved version (docs/spec.md#what-a-contact-is-told): the chain of versions since the client last looked,
 * and every certificate of the record. Throws a verification error if a check fails; reports a chain that does not
 * close in `change` and `alerts` instead.
 */
export async function verifyBinding(input: BindingInput): Promise<CheckedBinding> {
  const { transport, trust, identity, search, known, nowMs, headTimeMs = nowMs } = input;
  const held: HeldVersion | undefined = known && {
    version: known.version,
    commitment: known.commitment,
    record: decodeIdentityRecord(known.value),
  };
  const { origin } = trust.bundle;
  const range = { first: known === undefined ? search.version : known.version + 1, end: search.version };
  const between = input.between ?? (await fetchChain(transport, trust.config, identity.label, range));
  const chain = await checkChain({
    origin,
    label: identity.label,
    held,
    between,
    latest: search,
    ports: CONTINUITY_PORTS,
    recoveryWaited: recoveryWaitedIn({ transport, trust, identity, view: search.view, nowMs: headTimeMs }),
    read: earlierVersions(transport, trust.config, identity.label),
  });
  const { record } = chain.latest;
  const { current, expired } = await verifyRecordCertificates(record, identity, trust, nowMs);
  const monitoring = monitorSearched(known, search);
  const change = { type: chain.verdict, links: chain.links, reason: chain.fault?.message };
  const { version, commitment } = search;
  const value = encodeIdentityRecord(record);
  const alerts = input.isOwn ? [] : changeAlerts({ identity, change, version, value, nowMs });
  const binding: VerifiedBinding = {
    identity: identity.text,
    version,
    certificates: current,
    expired,
    change,
    alerts: mergeAlerts(input.alerts, alerts),
    authorization: record.authorization,
    pending: record.pending,
    treeSize: search.view.size,
    logRoot: formatHex(search.logRoot),
    monitored: monitoring.monitored,
  };
  return {
    binding,
    latest: chain.latest,
    contact: { version, commitment, value, ...monitoring, monitoredAtMs: known?.monitoredAtMs },
  };
}
